// The native client: what nearly every call does, and `execv` of Node for the rest.
#include "bd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "constants.h"

struct program program;
const char *command_key;
int64_t busy_ms;

static int64_t clock_ms(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t now_ms(void) {
  return clock_ms(CLOCK_MONOTONIC);
}

int64_t wall_clock_ms(void) {
  return clock_ms(CLOCK_REALTIME);
}

// ---- Handing over

// The Node client reads this variable and removes it: see src/client/handover.ts.
static void describe_handover(const char *reason, const char *failure) {
  struct text text = {0};
  add_text(&text, "{\"reason\":");
  add_json(&text, reason, strlen(reason));
  if (command_key != NULL) {
    add_text(&text, ",\"key\":");
    add_json(&text, command_key, strlen(command_key));
  }
  if (busy_ms > 0) {
    add_text(&text, ",\"busyMs\":");
    add_number(&text, busy_ms);
  }
  if (failure != NULL) {
    add_text(&text, ",\"failure\":");
    add_text(&text, failure);
  }
  add_bytes(&text, "}", 2);
  setenv(HANDOVER_VARIABLE, text.bytes, 1);
}

_Noreturn void hand_over_failure(const char *reason, const char *failure) {
  char file[PATH_MAX + 16];
  snprintf(file, sizeof file, "%s/dist/bd.js", program.root);
  char **words = calloc((size_t)program.count + 3, sizeof *words);
  if (words == NULL) exit(70);
  words[0] = "node";
  words[1] = file;
  for (int at = 0; at < program.count; at += 1) words[at + 2] = program.words[at];
  describe_handover(reason, failure);
  signal(SIGPIPE, SIG_DFL);
  execvp("node", words);
  dprintf(STDERR_FILENO, "Error: cannot run node: %s\nInstall Node 20 or later, and have it on PATH.\n",
          strerror(errno));
  exit(127);
}

_Noreturn void hand_over(const char *reason) {
  hand_over_failure(reason, NULL);
}

// ---- The package

// The real path of this program: `<root>/native/<platform>-<arch>/bd`.
static void find_root(const char *called_as) {
  char link[PATH_MAX] = "";
#ifdef __APPLE__
  uint32_t capacity = sizeof link;
  if (_NSGetExecutablePath(link, &capacity) != 0) link[0] = '\0';
#else
  ssize_t length = readlink("/proc/self/exe", link, sizeof link - 1);
  if (length > 0) link[length] = '\0';
#endif
  if (realpath(link[0] == '\0' ? called_as : link, program.root) == NULL) program.root[0] = '\0';
  for (int up = 0; up < 3; up += 1) {
    char *slash = strrchr(program.root, '/');
    if (slash == NULL) {
      fputs("Error: bd cannot find its own files\nInstall it again, or set BD_CLIENT=node.\n", stderr);
      exit(70);
    }
    *slash = '\0';
  }
}

// ---- The command line, by src/client/command-line.ts

static bool is_among(const char *word, const char *const list[]) {
  for (size_t at = 0; list[at] != NULL; at += 1) {
    if (strcmp(word, list[at]) == 0) return true;
  }
  return false;
}

// `--flag` or `--flag=value`
static bool is_flag_among(const char *word, const char *const list[]) {
  for (size_t at = 0; list[at] != NULL; at += 1) {
    size_t length = strlen(list[at]);
    if (strncmp(word, list[at], length) == 0 && (word[length] == '\0' || word[length] == '=')) return true;
  }
  return false;
}

static const char *find_unusual_variable(void) {
  for (size_t at = 0; UNUSUAL_VARIABLES[at] != NULL; at += 1) {
    const char *value = getenv(UNUSUAL_VARIABLES[at]);
    if (value != NULL && *value != '\0') return UNUSUAL_VARIABLES[at];
  }
  return NULL;
}

static void require_usual_command(void) {
  int end = 0, command = 0;
  while (end < program.count && strcmp(program.words[end], "--") != 0) end += 1;
  for (int at = 0; at < end; at += 1) {
    if (is_flag_among(program.words[at], UNUSUAL_FLAGS)) hand_over("a flag says where or how to run it");
  }
  while (command < end && program.words[command][0] == '-') {
    command += is_among(program.words[command], VALUE_FLAGS) ? 2 : 1;
  }
  if (command >= end || is_among(program.words[command], LOCAL_COMMANDS)) hand_over(LOCAL_COMMAND_REASON);
}

// As Node does for the standard streams: whatever is opened next would become one of them.
static void open_standard_streams(void) {
  for (int each = 0; each < 3; each += 1) {
    if (fcntl(each, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) exit(70);
  }
}

int main(int count, char *words[]) {
  open_standard_streams();
  signal(SIGPIPE, SIG_IGN);
  unsetenv(HANDOVER_VARIABLE);
  program.count = count > 0 ? count - 1 : 0;
  program.words = words + 1;
  find_root(count > 0 ? words[0] : "");

  const char *variable = find_unusual_variable();
  if (variable != NULL) {
    static char reason[64];
    snprintf(reason, sizeof reason, "%s is set", variable);
    hand_over(reason);
  }
  char cwd[PATH_MAX];
  struct place place;
  if (getcwd(cwd, sizeof cwd) == NULL || cwd[0] != '/') hand_over("the current directory is gone");
  if (!is_ascii(cwd)) hand_over("the directory's path is not ASCII");
  find_place(cwd, &place);
  // Last, so that the reason tells which client other commands have here.
  require_usual_command();
  int daemon = connect_daemon(&place);
  if (daemon < 0) daemon = start_daemon(&place);
  return run_command(daemon, cwd);
}
