// The native client of bd: the common case of src/local/run-client.ts, without the start of Node. Whatever is
// unusual is handed over to the Node client, so no rule is here that is not there. See
// docs/decisions/native-client.md. `constants.h` is made from the TypeScript sources (constants.ts).
#ifndef BD_H
#define BD_H

#define _GNU_SOURCE
#define _DARWIN_C_SOURCE

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// For lists of constants.h that a file does not need.
#define UNUSED __attribute__((unused))

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

// ---- bd.c

// Where the package is, and the command line after the program's name.
struct program {
  char root[PATH_MAX];
  int count;
  char **words;
};

extern struct program program;

// The command's key, once it was sent to a daemon, which does a command once under one key. NULL before.
extern const char *command_key;

// How long a daemon that this process started has waited for the workspace, which another process holds.
extern int64_t busy_ms;

// Runs the Node client in place of this process. `reason` ends the sentence "Node runs this command, as …".
_Noreturn void hand_over(const char *reason);

// The same, for a command that failed in a way that only the Node client puts into words. `failure` is JSON.
_Noreturn void hand_over_failure(const char *reason, const char *failure);

int64_t now_ms(void);       // Monotonic.
int64_t wall_clock_ms(void);  // Since the epoch.

// ---- text.c

struct text {
  char *bytes;
  size_t length, capacity;
};

void add_bytes(struct text *text, const void *bytes, size_t length);
void add_text(struct text *text, const char *words);
void add_number(struct text *text, int64_t number);
// As a JSON string; the bytes are UTF-8.
void add_json(struct text *text, const char *bytes, size_t length);

// The length of the character at the beginning; 0 when it is cut off; negative: so many bytes are none.
int utf8_character(const unsigned char *bytes, size_t length);
bool is_utf8(const char *bytes, size_t length);
bool is_ascii(const char *word);

// Part of a JSON text; `start` is NULL for a member that is not there.
struct slice {
  const char *start, *end;
};

// Reads a whole JSON object, strictly, and finds `count` of its members. False for anything else.
bool read_object(struct slice json, const char *const names[], struct slice members[], size_t count);
bool is_json_string(struct slice json, const char *expected);
// Adds the text of a JSON string that read_object has found.
void add_unquoted(struct text *text, struct slice json);

// ---- place.c

struct place {
  char beads[PATH_MAX];  // The real path of `.beads`.
};

void join_path(char path[PATH_MAX], const char *directory, const char *name);
bool is_file(const char *path);
bool is_directory(const char *path);
// The file's bytes with a zero behind them; false when it cannot be read or is longer.
bool read_file(const char *path, char *bytes, size_t capacity);

void find_place(const char *cwd, struct place *place);
// Connects to the workspace's daemon; -1 when none listens.
int connect_daemon(const struct place *place);

// ---- start.c

// Starts the daemon, or waits for another client that does, and connects.
int start_daemon(const struct place *place);

// ---- command.c

// Has the daemon run the command line; returns its exit code.
int run_command(int daemon, const char *cwd);

// Whether a variable, as `NAME=value`, has one of the names or begins with one of the prefixes.
bool is_variable_of(const char *variable, const char *const names[], const char *const prefixes[]);

#endif
