# Cuts HAPT's raw recordings into windows of 6 channels, as comma-separated files under OUT:
# OUT/base/ACTIVITY, OUT/teach/ACTIVITY and OUT/test/ACTIVITY, from three disjoint groups of people.
#
#   awk -v OUT=folder -v RAW=HAPT-Dataset/Raw-Data -v TAUGHT="3 5" -v WINDOWS=10 -v TEACHERS=10 \
#     -f hapt.awk subject_train.txt RAW/labels.txt
#
# The official training people are split in two: the last TEACHERS teach, WINDOWS of each TAUGHT activity; the others
# are who the model is trained on. Everybody else is the official test people.

BEGIN {
  split("walking upstairs downstairs sitting standing laying", names)
  rows = 128; hop = 64
}

# The official list: one line a window, people in rising order.
FNR == NR { if (!($1 in training)) { training[$1] = ++people } next }

$3 <= 6 {
  group = !($2 in training) ? "test" : training[$2] > people - TEACHERS ? "teach" : "base"
  known = index(" " TAUGHT " ", " " $3 " ") == 0
  if (group == "base" && !known || group == "teach" && known) next
  if ($1 != loaded) load($1, $2)
  for (start = $4; start + rows - 1 <= $5; start += hop) {
    if (group == "teach" && taught[$2, $3]++ >= WINDOWS) break
    write_window(sprintf("%s/%s/%s/%02d-%05d.csv", OUT, group, names[$3], $1, start), start)
  }
}

function load(experiment, user,   stem, i, six) {
  loaded = experiment
  stem = sprintf("_exp%02d_user%02d.txt", experiment, user)
  for (i = 1; (getline acc < (RAW "/acc" stem)) > 0 && (getline gyro < (RAW "/gyro" stem)) > 0; ++i) {
    six = acc " " gyro
    gsub(/ +/, ",", six)
    samples[i] = six
  }
  close(RAW "/acc" stem); close(RAW "/gyro" stem)
}

function write_window(file, start,   i) {
  for (i = start; i < start + rows; ++i) print samples[i] > file
  close(file)
}
