// Starts the daemon where nothing is unusual: src/local/start-daemon.ts, src/client/ensure-daemon.ts and
// src/client/spawn-daemon.ts. Of a start that does not succeed at once, the Node client finds out why.
#include "bd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "constants.h"

extern char **environ;

// The pipe on which a daemon reports; see src/bd-daemon.ts.
#define REPORT_FD 3
#define FILE_BYTES_MAX 65536

// ---- Whether it may start

static bool exists(const struct place *place, const char *name) {
  char path[PATH_MAX];
  struct stat status;
  join_path(path, place->beads, name);
  return lstat(path, &status) == 0;
}

static bool read_text(const struct place *place, const char *name, char text[FILE_BYTES_MAX]) {
  char path[PATH_MAX];
  join_path(path, place->beads, name);
  return read_file(path, text, FILE_BYTES_MAX);
}

static bool is_network_file_system(const char *directory) {
#ifdef __linux__
  struct statfs status;
  if (statfs(directory, &status) != 0) return false;
  for (size_t at = 0; at < sizeof NETWORK_TYPES / sizeof *NETWORK_TYPES; at += 1) {
    if ((uint32_t)status.f_type == NETWORK_TYPES[at]) return true;
  }
#else
  (void)directory;
#endif
  return false;
}

static bool has_project(const struct place *place) {
  char text[FILE_BYTES_MAX];
  return read_text(place, METADATA_FILE, text) && strstr(text, PROJECT_MARK) != NULL;
}

// Whether daemon.auto_start is in the settings. YAML can write a key in another way only with a backslash.
static bool may_set_auto_start(const struct place *place) {
  char text[FILE_BYTES_MAX];
  if (getenv(AUTO_START_VARIABLE) != NULL) return true;
  if (!exists(place, CONFIG_FILE)) return false;
  return !read_text(place, CONFIG_FILE, text) || strchr(text, '\\') != NULL || strstr(text, AUTO_START_KEY) != NULL;
}

static void require_usual_place(const struct place *place) {
  struct stat status;
  if (!has_project(place)) hand_over("the workspace is another tool's");
  if (stat(place->beads, &status) != 0 || status.st_uid != getuid()) {
    hand_over("the workspace belongs to another user");
  }
  if (is_network_file_system(place->beads)) hand_over("the workspace is on a network file system");
  if (exists(place, DAEMON_OFF_FILE)) hand_over("the daemon is off");
  if (exists(place, START_FAILURE_FILE)) hand_over("the daemon did not start before");
  if (may_set_auto_start(place)) hand_over("daemon.auto_start may be set");
  for (size_t at = 0; WRITTEN_NAMES[at] != NULL; at += 1) {
    char path[PATH_MAX];
    join_path(path, place->beads, WRITTEN_NAMES[at]);
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode)) hand_over("`.beads` has a link in it");
  }
}

// ---- The critical section: a directory whose time is set again and again, as proper-lockfile has it

static char section[PATH_MAX];
static ino_t section_inode;

static void leave_section(void) {
  struct stat status;
  // Another process may have taken it over.
  if (stat(section, &status) == 0 && status.st_ino == section_inode) rmdir(section);
}

static void leave_and_end(int signal_number) {
  leave_section();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static bool enter_section(const struct place *place) {
  struct stat status;
  join_path(section, place->beads, START_LOCK_FILE);
  if (mkdir(section, 0777) != 0) {
    if (errno != EEXIST) hand_over("`.beads` cannot be written");
    return false;
  }
  if (stat(section, &status) != 0) hand_over("`.beads` changes");
  section_inode = status.st_ino;
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t at = 0; at < sizeof signals / sizeof *signals; at += 1) {
    if (signal(signals[at], leave_and_end) == SIG_IGN) signal(signals[at], SIG_IGN);
  }
  return true;
}

// Whether the process in the section may be gone, or has stalled.
static bool is_stale(void) {
  struct stat status;
  if (stat(section, &status) != 0) return false;
  return (int64_t)status.st_mtime * 1000 < wall_clock_ms() - SECTION_STALE_MS;
}

static _Noreturn void leave_and_hand_over(const char *reason) {
  leave_section();
  hand_over(reason);
}

// ---- The process

// The real path of the `node` that a shell would run; not a script, which may choose another Node elsewhere.
static void find_node(char node[PATH_MAX]) {
  static const char reason[] = "`node` on PATH is not Node itself";
  const char *path = getenv("PATH");
  char candidate[PATH_MAX];
  for (const char *at = path; at != NULL && *at != '\0'; at += strspn(at, ":")) {
    size_t length = strcspn(at, ":");
    int written = snprintf(candidate, sizeof candidate, "%.*s/node", (int)length, at);
    at += length;
    if (written >= PATH_MAX || !is_file(candidate) || access(candidate, X_OK) != 0) continue;
    char start[3];
    int file = open(candidate, O_RDONLY | O_CLOEXEC);
    bool is_script = file < 0 || read(file, start, 2) != 2 || memcmp(start, "#!", 2) == 0;
    if (file >= 0) close(file);
    if (is_script || realpath(candidate, node) == NULL) leave_and_hand_over(reason);
    const char *name = strrchr(node, '/');
    if (strcmp(name, "/node") != 0) leave_and_hand_over(reason);
    return;
  }
  leave_and_hand_over(reason);
}

// Closes what this process inherited: a caller's lock or pipe would stay open as long as the daemon lives.
static void close_inherited(void) {
  DIR *descriptors = opendir("/dev/fd");
  if (descriptors == NULL) {
    for (int each = REPORT_FD + 1; each < 256; each += 1) close(each);
    return;
  }
  int own = dirfd(descriptors);
  for (struct dirent *entry; (entry = readdir(descriptors)) != NULL;) {
    int each = atoi(entry->d_name);
    if (each > REPORT_FD && each != own) fcntl(each, F_SETFD, FD_CLOEXEC);
  }
  closedir(descriptors);
}

// In the child: a session of its own, nothing of the caller's but the selected variables.
static _Noreturn void become_daemon(const struct place *place, const char *node, int report) {
  char program_file[PATH_MAX], log_file[PATH_MAX];
  join_path(program_file, program.root, "dist/bd-daemon.js");
  join_path(log_file, place->beads, LOG_FILE);
  char **kept = environ;
  for (char **variable = environ; *variable != NULL; variable += 1) {
    if (is_variable_of(*variable, DAEMON_NAMES, DAEMON_PREFIXES)) *kept++ = *variable;
  }
  *kept = NULL;
  for (int at = 0; ALLOCATOR_SETTINGS[at] != NULL; at += 1) putenv((char *)ALLOCATOR_SETTINGS[at]);
  setsid();
  for (int each = 1; each < 32; each += 1) signal(each, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int nothing = open("/dev/null", O_RDWR);
  int log = open(log_file, O_WRONLY | O_APPEND | O_CREAT, 0600);
  // None of the three is among the descriptors that are replaced: those were open before.
  dup2(nothing, STDIN_FILENO);
  dup2(log < 0 ? nothing : log, STDOUT_FILENO);
  dup2(log < 0 ? nothing : log, STDERR_FILENO);
  if (report == REPORT_FD) fcntl(report, F_SETFD, 0);
  else dup2(report, REPORT_FD);
  close_inherited();
  if (chdir("/") == 0) execl(node, node, program_file, place->beads, "--ready-pipe", (char *)NULL);
  _exit(127);
}

// What the daemon says within the time: `R` ready, `B` busy; 0 for anything else. Keeps the section alive meanwhile.
static char read_report(int report) {
  char answer[2];
  size_t length = 0;
  int64_t until_ms = now_ms() + DAEMON_START_TIMEOUT_MS;
  while (length < sizeof answer && now_ms() < until_ms) {
    struct pollfd pipe_end = {report, POLLIN, 0};
    int count = poll(&pipe_end, 1, SECTION_STALE_MS / 2);
    if (count == 0) utimensat(AT_FDCWD, section, NULL, 0);
    if (count <= 0) continue;
    ssize_t got = read(report, answer + length, sizeof answer - length);
    if (got <= 0) return 0;
    length += (size_t)got;
  }
  return length == sizeof answer && answer[1] == '\n' ? answer[0] : 0;
}

static void spawn_daemon(const struct place *place) {
  char node[PATH_MAX];
  int report[2];
  find_node(node);
  if (pipe(report) != 0) leave_and_hand_over("no pipe can be opened");
  fcntl(report[0], F_SETFD, FD_CLOEXEC);
  fcntl(report[1], F_SETFD, FD_CLOEXEC);
  pid_t child = fork();
  if (child == 0) become_daemon(place, node, report[1]);
  close(report[1]);
  int64_t start_ms = now_ms();
  char said = child < 0 ? 0 : read_report(report[0]);
  if (said == 'B') {
    busy_ms = now_ms() - start_ms;
    leave_and_hand_over("another process holds the workspace");
  }
  if (said != 'R') leave_and_hand_over("the daemon did not start at once");
  close(report[0]);
}

static void pause_ms(long ms) {
  nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

int start_daemon(const struct place *place) {
  require_usual_place(place);
  int64_t until_ms = now_ms() + HELD_TIMEOUT_MS;
  long wait_ms = START_PAUSE_MIN_MS;
  // Another client is starting one.
  while (!enter_section(place)) {
    if (is_stale() || now_ms() >= until_ms) hand_over("another client's start takes long");
    pause_ms(wait_ms);
    if (wait_ms < START_PAUSE_MAX_MS) wait_ms += wait_ms / 2;
    int daemon = connect_daemon(place);
    if (daemon >= 0) return daemon;
    if (exists(place, START_FAILURE_FILE)) hand_over("another client's start failed");
  }
  int daemon = connect_daemon(place);
  if (daemon < 0) {
    if (exists(place, START_FAILURE_FILE)) leave_and_hand_over("another client's start failed");
    spawn_daemon(place);
    daemon = connect_daemon(place);
  }
  leave_section();
  if (daemon < 0) hand_over("the daemon is gone again");
  return daemon;
}
