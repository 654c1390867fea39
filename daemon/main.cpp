#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "daemon/verbs/verb.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> words(argv + (argc > 0), argv + argc);
  const int code = dormouse::daemon::run_command_line(words);
  std::cout.flush();
  return code;
}
