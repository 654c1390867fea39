#!/usr/bin/env python3
"""Installs the package into a root of its own, starts it as its units say, asks it, upgrades, removes and purges it.

usage: install.py DEB RECORDINGS    RECORDINGS: demo/recordings

No systemd runs there: this reads the units and does what they say of sockets, user and state itself. The root is made of
this machine's own packages. Exit status 77: not root.
"""
import configparser
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

DYNAMIC_USER = 61184  # the first that systemd gives to units with DynamicUser=
USER, ADMIN, STRANGER = 1000, 1001, 1002
EXAMPLE = "/usr/share/dormouse/example/seven.wav"
SEED_PACKAGES = "dpkg bash dash coreutils sed grep tar diffutils base-files base-passwd init-system-helpers perl-base systemd".split()


def check(what, holds, *details):
    if not holds:
        sys.exit(f"install: not so: {what}\n" + "\n".join(str(detail) for detail in details))
    print("ok:", what)


def closure(seeds):
    """The packages installed here that these need, themselves included."""
    known, provided = {}, {}
    form = "${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\t${db:Status-Status}\n"
    for line in subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout.splitlines():
        name, depends, provides, status = line.split("\t")
        if status == "installed":
            known[name] = depends
            for virtual in provides.split(","):
                provided.setdefault(virtual.split("(")[0].strip(), name)
    found, queue = set(), list(seeds)
    while queue:
        name = queue.pop()
        if name in found or name not in known:
            continue
        found.add(name)
        for group in known[name].split(","):
            names = [part.split("(")[0].split(":")[0].strip() for part in group.split("|")]
            names = [provided.get(name, name) if name not in known else name for name in names]
            queue += [name for name in names if name in known][:1]
    return sorted(found)


class Root:
    def __init__(self, folder):
        self.folder = folder
        packages = closure(SEED_PACKAGES)
        files = subprocess.run(["dpkg", "-L"] + packages, capture_output=True, text=True, check=True).stdout.splitlines()
        skipped = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/lib/udev/hwdb", "/usr/share/zoneinfo")
        paths = sorted({"." + path for path in files if path.startswith("/") and os.path.lexists(path) and not path.startswith(skipped)})
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if os.path.islink("/" + name):
                os.makedirs(self.path(os.readlink("/" + name)), exist_ok=True)
                os.symlink(os.readlink("/" + name), self.path(name))
        pack = subprocess.Popen(["tar", "-C", "/", "-c", "--no-recursion", "-T", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        unpack = subprocess.Popen(["tar", "-C", folder, "-x", "--keep-directory-symlink"], stdin=pack.stdout)
        pack.stdin.write("\n".join(paths).encode())
        pack.stdin.close()
        if unpack.wait() or pack.wait():
            sys.exit("install: the root cannot be filled")
        for name in ("dev", "proc", "tmp", "run", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc", "var/log"):
            os.makedirs(self.path(name), exist_ok=True)
        shutil.copy("/proc/cpuinfo", self.path("proc/cpuinfo"))  # all that the program reads there
        try:
            os.mknod(self.path("dev/null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            open(self.path("dev/null"), "w").close()
        for name in ("passwd", "group"):
            shutil.copy(f"/usr/share/base-passwd/{name}.master", self.path("etc", name))
        with open(self.path("var/lib/dpkg/status"), "w") as status:
            status.write(subprocess.run(["dpkg-query", "-s"] + packages, capture_output=True, text=True, check=True).stdout)
        os.makedirs(self.path("usr/local/sbin"), exist_ok=True)
        for program in ("ldconfig", "start-stop-daemon"):  # dpkg wants to see them
            if not any(os.path.exists(self.path(folder, program)) for folder in ("sbin", "usr/sbin")):
                os.symlink("/bin/true", self.path("usr/local/sbin", program))

    def path(self, *parts):
        return os.path.join(self.folder, *(part.lstrip("/") for part in parts))

    def exists(self, path):
        return os.path.lexists(self.path(path))

    def run(self, *command, user=0, groups=(), expected=0):
        def enter():
            os.chroot(self.folder)
            os.chdir("/")
            os.setgroups(groups)
            os.setgid(user)
            os.setuid(user)

        environment = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        done = subprocess.run(command, preexec_fn=enter, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if expected is not None and done.returncode != expected:
            sys.exit(f"install: {' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def group(self, name):
        for line in open(self.path("etc/group")):
            if line.startswith(name + ":"):
                return int(line.split(":")[2])
        sys.exit(f"install: there is no group {name}")


def unit(root, name):
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read(root.path("lib/systemd/system", name))
    return parser


class Service:
    """What systemd would do with the units, as far as sockets, user, state and readiness go."""

    def __init__(self, root):
        self.root = root
        self.sockets = []
        for name in ("dormouse.socket", "dormouse-admin.socket"):
            section = unit(root, name)["Socket"]
            path = root.path(section["ListenStream"])
            os.makedirs(os.path.dirname(path), mode=int(section["DirectoryMode"], 8), exist_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(path)
            os.chown(path, 0, root.group(section["SocketGroup"]))
            os.chmod(path, int(section["SocketMode"], 8))
            listener.listen()
            self.sockets.append((listener, section["FileDescriptorName"]))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(root.path("run/notify"))
        os.chmod(root.path("run/notify"), 0o777)
        self.process = None

    def start(self):
        section = unit(self.root, "dormouse.service")["Service"]
        check("the unit asks for a dynamic user and a state folder", section["DynamicUser"] == "yes" and section["StateDirectory"] == "dormouse")
        private = self.root.path("var/lib/private", section["StateDirectory"])
        os.makedirs(private, exist_ok=True)
        os.chmod(os.path.dirname(private), 0o700 | 0o055)  # systemd's is 0700, and it mounts the folder for the service
        os.chmod(private, int(section["StateDirectoryMode"], 8))
        for folder, _, files in os.walk(private):
            for path in [folder] + [os.path.join(folder, name) for name in files]:
                os.chown(path, DYNAMIC_USER, DYNAMIC_USER)
        link = self.root.path("var/lib", section["StateDirectory"])
        if not os.path.lexists(link):
            os.symlink("private/" + section["StateDirectory"], link)
        self.root.run(*section["ExecStartPre"].split(), user=DYNAMIC_USER)
        self.log = open(self.root.path("run/log"), "a")
        self.process = os.fork()
        if self.process == 0:
            self.become(section)
        self.notify.settimeout(10)
        said = b""
        try:
            while b"READY=1" not in said:
                said = self.notify.recv(4096)
        except socket.timeout:
            sys.exit("install: the daemon does not get ready\n" + open(self.root.path("run/log")).read())

    def become(self, section):
        descriptors = [os.dup(listener.fileno()) for listener, _ in self.sockets]
        descriptors = [os.dup2(descriptor, 100 + i) for i, descriptor in enumerate(descriptors)]
        for i, descriptor in enumerate(descriptors):
            os.dup2(descriptor, 3 + i, inheritable=True)
        os.dup2(self.log.fileno(), 1)
        os.dup2(self.log.fileno(), 2)
        os.closerange(3 + len(descriptors), 200)
        os.chroot(self.root.folder)
        os.chdir("/")
        os.setgroups([])
        os.setgid(DYNAMIC_USER)
        os.setuid(DYNAMIC_USER)
        os.umask(int(section["UMask"], 8))
        names = ":".join(name for _, name in self.sockets)
        command = section["ExecStart"].split()
        os.execve(command[0], command, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": names,
                                        "NOTIFY_SOCKET": "/run/notify", "STATE_DIRECTORY": "/var/lib/dormouse"})

    def stop(self):
        if self.process:
            os.kill(self.process, signal.SIGTERM)
            status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
            self.process = None
            check("the daemon ends when told to", status == 0, open(self.root.path("run/log")).read())


def with_version(deb, suffix, folder):
    """The same package, later."""
    subprocess.run(["dpkg-deb", "-R", deb, folder], check=True)
    control = os.path.join(folder, "DEBIAN/control")
    lines = [line + suffix if line.startswith("Version: ") else line for line in open(control).read().splitlines()]
    open(control, "w").write("\n".join(lines) + "\n")
    later = folder + ".deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", folder, later], check=True, stdout=subprocess.DEVNULL)
    return later


def answer_to(root, clip, users):
    """Label and confidence."""
    return root.run("dormouse", "infer", "words", clip, user=USER, groups=users).stdout.splitlines()[-1].split()[1:3]


def state(root, users):
    status = json.loads(root.run("dormouse", "status", "--json", user=USER, groups=users).stdout)
    return status["memory"], status["models"]["words"]["version"]


def walk(deb, recordings, folder):
    root = Root(folder)
    shutil.copy(deb, root.path("dormouse.deb"))
    shutil.copytree(os.path.join(recordings, "teach"), root.path("tmp/teach"))

    began = time.monotonic()
    root.run("dpkg", "-i", "/dormouse.deb")
    service = Service(root)
    try:
        service.start()
        users, admins = [root.group("dormouse-users")], [root.group("dormouse-users"), root.group("dormouse-admin")]
        first = answer_to(root, EXAMPLE, users)
        took = time.monotonic() - began
        check(f"the first answer came {took:.2f} s after dpkg -i began, which may be 5 s", took < 5)
        check("the example is heard as what it is", first[0] == "seven", first)
        use(root, service, users, admins, deb)
    finally:
        if service.process:
            os.kill(service.process, signal.SIGKILL)
            os.waitpid(service.process, 0)


def use(root, service, users, admins, deb):
    for name in ("sockets.target.wants/dormouse.socket", "sockets.target.wants/dormouse-admin.socket", "multi-user.target.wants/dormouse.service"):
        check(f"{name} is enabled", root.exists("etc/systemd/system/" + name))
    verify = subprocess.run(["systemd-analyze", "verify", "--root=" + root.folder, "dormouse.service", "dormouse.socket", "dormouse-admin.socket"],
                            capture_output=True, text=True)
    complaints = [line for line in verify.stderr.splitlines() if "dormouse" in line]
    check("systemd-analyze verify has nothing to say of the units", not complaints, verify.stderr)

    check("a stranger is refused, and told so", "dormouse" in root.run("dormouse", "status", user=STRANGER, expected=None).stderr)
    check("with an exit status", root.run("dormouse", "status", user=STRANGER, expected=None).returncode in (3, 4))
    check("a user may not send it to sleep", root.run("dormouse", "sleep", "now", user=USER, groups=users, expected=None).returncode in (3, 4))
    folder = os.stat(root.path("var/lib/private/dormouse"))
    check("the state is the service's alone", stat.S_IMODE(folder.st_mode) == 0o700 and folder.st_uid == DYNAMIC_USER)
    check("the database is there", root.exists("var/lib/private/dormouse/dormouse.db"))

    for word in ("three", "nine"):
        clips = sorted(os.listdir(root.path("tmp/teach", word)))
        root.run("dormouse", "teach", "words", word, *(f"/tmp/teach/{word}/{clip}" for clip in clips), user=USER, groups=users)
    three = "/tmp/teach/three/" + sorted(os.listdir(root.path("tmp/teach/three")))[0]
    night = root.run("dormouse", "sleep", "now", user=ADMIN, groups=admins)
    remembered, version = state(root, users)
    check("a night made new weights", version == 1, night.stdout, night.stderr)
    answer = answer_to(root, three, users)
    check("it knows what it was taught", answer[0] == "three", answer)

    with open(root.path("etc/dormouse/dormouse.yaml"), "a") as file:
        file.write("sleep: {watts: 5}\n")
    later = with_version(deb, "+later", root.path("tmp/later"))
    root.run("dpkg", "-i", "/tmp/" + os.path.basename(later))
    service.stop()
    service.start()
    again, kept = state(root, users)
    check("an upgrade keeps the weights", kept == version)
    check("and the episodes", again["labelled"] == remembered["labelled"], remembered, again)
    check("and the configuration", "watts: 5" in open(root.path("etc/dormouse/dormouse.yaml")).read())
    check("and the answers", answer_to(root, three, users) == answer, answer)

    service.stop()
    root.run("dpkg", "-r", "dormouse")
    check("removing takes the program", not root.exists("usr/bin/dormouse") and not root.exists("lib/systemd/system/dormouse.service"))
    check("and leaves state and configuration", root.exists("var/lib/dormouse/dormouse.db") and root.exists("etc/dormouse/dormouse.yaml"))
    root.run("dpkg", "-P", "dormouse")
    rest = [path for path in ("var/lib/dormouse", "var/lib/private/dormouse", "etc/dormouse", "usr/share/dormouse", "usr/share/doc/dormouse",
                              "etc/systemd/system/multi-user.target.wants/dormouse.service") if root.exists(path)]
    check("purging leaves nothing", not rest, rest)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        print("install: needs root, for chroot")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="dormouse-root-") as folder:
        os.chmod(folder, 0o755)
        walk(os.path.abspath(sys.argv[1]), sys.argv[2], folder)


main()
