// One command in the daemon, from its request to its exit code: src/client/forward-command.ts.
#include "bd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "constants.h"

extern char **environ;

#define READ_BYTES 65536
#define EXIT_CODE_MAX 255
// Beyond any message of the daemon, whose texts come in pieces.
#define MESSAGE_BYTES_MAX LINE_BYTES_MAX
// An error that is passed on in the environment, where Linux allows 128 KiB.
#define ERROR_BYTES_MAX 65536

// What the command printed, held back until its end is known or OUTPUT_HELD_MS have passed: until something
// is shown, the command can be sent again.
struct piece {
  int descriptor;
  size_t length;
};

struct call {
  int daemon;
  struct text received, sending;
  size_t scanned, sent;
  bool has_started;
  bool is_shown;
  bool is_holding;
  struct text held, pieces;
  int64_t show_at_ms;
  // Standard input: the id of the request for it, and the beginning of a character.
  bool wants_input, has_taken_input, has_given_input;
  struct text input_id, input;
  int64_t silent_at_ms;
  bool looked_twice;
  bool is_done;
  int exit_code;
};

// ---- Output

static void write_out(struct call *call, int descriptor, const char *bytes, size_t length) {
  call->is_shown = true;
  while (length > 0) {
    ssize_t count = write(descriptor, bytes, length);
    if (count >= 0) {
      bytes += count;
      length -= (size_t)count;
    } else if (errno == EAGAIN) {
      poll(&(struct pollfd){descriptor, POLLOUT, 0}, 1, -1);
    } else if (errno != EINTR) {
      if (descriptor != STDOUT_FILENO) return;
      // The reader has closed the pipe, as in `bd list | head`.
      if (errno == EPIPE) exit(0);
      dprintf(STDERR_FILENO, "Error: cannot write the output: %s\n", strerror(errno));
      exit(1);
    }
  }
}

static void show(struct call *call) {
  const char *bytes = call->held.bytes;
  for (size_t at = 0; at < call->pieces.length; at += sizeof(struct piece)) {
    struct piece piece;
    memcpy(&piece, call->pieces.bytes + at, sizeof piece);
    write_out(call, piece.descriptor, bytes, piece.length);
    bytes += piece.length;
  }
  call->held.length = call->pieces.length = 0;
  call->is_holding = false;
}

static void add_output(struct call *call, int descriptor, struct slice text) {
  size_t before = call->held.length;
  add_unquoted(&call->held, text);
  struct piece piece = {descriptor, call->held.length - before};
  if (call->pieces.length == 0) call->show_at_ms = now_ms() + OUTPUT_HELD_MS;
  add_bytes(&call->pieces, &piece, sizeof piece);
  if (call->is_holding) return;
  show(call);
}

// ---- The ends of a call

static const char UNREADABLE[] = "the daemon's answer cannot be read";

// The command may run again if it has had no effect that this process can see.
static _Noreturn void repeat_or_fail(struct call *call, const char *reason, const char *cause) {
  if (!call->is_shown && !call->has_taken_input) hand_over(reason);
  show(call);
  struct text failure = {0};
  add_text(&failure, "{\"kind\":\"lost\"");
  if (cause != NULL) {
    add_text(&failure, ",\"cause\":");
    add_json(&failure, cause, strlen(cause));
  }
  add_bytes(&failure, "}", 2);
  hand_over_failure(reason, failure.bytes);
}

static _Noreturn void fail_silent(struct call *call) {
  show(call);
  hand_over_failure("the daemon fell silent", call->has_started ? "{\"kind\":\"silent\",\"hasStarted\":true}"
                                                                : "{\"kind\":\"silent\",\"hasStarted\":false}");
}

static _Noreturn void fail_refused(struct call *call, struct slice error) {
  static const char *const names[] = {"data"}, *const data_names[] = {"code"};
  struct slice data, code;
  bool is_read = read_object(error, names, &data, 1) && read_object(data, data_names, &code, 1);
  bool is_retiring = is_read && is_json_string(code, "DAEMON_RETIRING");
  if (is_retiring && !call->is_shown && !call->has_taken_input) hand_over("the daemon retires");
  if (!is_read || error.end - error.start > ERROR_BYTES_MAX) repeat_or_fail(call, UNREADABLE, UNREADABLE);
  show(call);
  struct text failure = {0};
  add_text(&failure, "{\"kind\":\"refused\",\"error\":");
  add_bytes(&failure, error.start, (size_t)(error.end - error.start));
  add_bytes(&failure, "}", 2);
  hand_over_failure("the daemon refused it", failure.bytes);
}

// ---- Messages

static void handle_output(struct call *call, struct slice params) {
  static const char *const names[] = {"stream", "text"};
  struct slice member[2];
  bool is_read = read_object(params, names, member, 2) && member[1].start != NULL && *member[1].start == '"';
  int descriptor = is_json_string(member[0], "stdout")   ? STDOUT_FILENO
                   : is_json_string(member[0], "stderr") ? STDERR_FILENO
                                                         : -1;
  if (!is_read || descriptor < 0) repeat_or_fail(call, UNREADABLE, UNREADABLE);
  add_output(call, descriptor, member[1]);
}

static void handle_result(struct call *call, struct slice result) {
  static const char *const names[] = {"exit_code"};
  struct slice code;
  if (!read_object(result, names, &code, 1) || code.start == NULL) repeat_or_fail(call, UNREADABLE, UNREADABLE);
  int value = 0;
  for (const char *at = code.start; at < code.end; at += 1) {
    value = *at < '0' || *at > '9' ? EXIT_CODE_MAX + 1 : value * 10 + (*at - '0');
    if (value > EXIT_CODE_MAX) repeat_or_fail(call, UNREADABLE, UNREADABLE);
  }
  show(call);
  call->is_done = true;
  call->exit_code = value;
}

static void handle_message(struct call *call, struct slice line) {
  enum { VERSION_OF_RPC, ID, METHOD, PARAMS, RESULT, FAILURE, COUNT };
  static const char *const names[COUNT] = {"jsonrpc", "id", "method", "params", "result", "error"};
  struct slice member[COUNT];
  if (!is_utf8(line.start, (size_t)(line.end - line.start)) || !read_object(line, names, member, COUNT) ||
      !is_json_string(member[VERSION_OF_RPC], "2.0")) {
    repeat_or_fail(call, UNREADABLE, UNREADABLE);
  }
  call->has_started = true;
  call->looked_twice = false;
  call->silent_at_ms = now_ms() + SILENCE_TIMEOUT_MS;
  if (member[METHOD].start == NULL) {
    if (member[RESULT].start != NULL) handle_result(call, member[RESULT]);
    else fail_refused(call, member[FAILURE]);
  } else if (member[ID].start == NULL) {
    if (is_json_string(member[METHOD], "output")) handle_output(call, member[PARAMS]);
  } else if (is_json_string(member[METHOD], "read_stdin")) {
    call->wants_input = call->has_taken_input = true;
    call->input_id.length = 0;
    add_bytes(&call->input_id, member[ID].start, (size_t)(member[ID].end - member[ID].start));
    show(call);
  } else {
    repeat_or_fail(call, UNREADABLE, UNREADABLE);
  }
}

static void handle_lines(struct call *call) {
  struct text *received = &call->received;
  size_t start = 0;
  for (;;) {
    char *from = received->bytes + call->scanned;
    char *newline = memchr(from, '\n', received->length - call->scanned);
    if (newline == NULL) break;
    struct slice line = {received->bytes + start, newline};
    if (line.end > line.start) handle_message(call, line);
    if (call->is_done) return;
    start = call->scanned = (size_t)(newline - received->bytes) + 1;
  }
  received->length -= start;
  memmove(received->bytes, received->bytes + start, received->length);
  call->scanned = received->length;
  if (received->length > MESSAGE_BYTES_MAX) repeat_or_fail(call, UNREADABLE, UNREADABLE);
}

static void receive(struct call *call) {
  static char bytes[READ_BYTES];
  ssize_t count = recv(call->daemon, bytes, sizeof bytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    const char *cause = count < 0 && errno == ECONNRESET ? "read ECONNRESET" : NULL;
    repeat_or_fail(call, "the daemon went away", cause);
  }
  add_bytes(&call->received, bytes, (size_t)count);
  handle_lines(call);
}

static void send_more(struct call *call) {
  size_t left = call->sending.length - call->sent;
#ifdef MSG_NOSIGNAL
  ssize_t count = send(call->daemon, call->sending.bytes + call->sent, left, MSG_NOSIGNAL);
#else
  ssize_t count = send(call->daemon, call->sending.bytes + call->sent, left, 0);
#endif
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    // It may have answered before it went: that is read first.
    call->sent = call->sending.length;
    return;
  }
  if (count > 0) call->sent += (size_t)count;
  if (call->sent == call->sending.length) call->sent = call->sending.length = 0;
}

// ---- Standard input

// What is no character becomes U+FFFD; the beginning of one at the end stays for the next piece.
static void add_characters(struct text *text, struct text *input, bool is_end) {
  struct text repaired = {0};
  size_t at = 0;
  while (at < input->length) {
    const unsigned char *bytes = (const unsigned char *)input->bytes + at;
    int count = utf8_character(bytes, input->length - at);
    if (count == 0 && !is_end) break;
    if (count > 0) add_bytes(&repaired, bytes, (size_t)count);
    else add_text(&repaired, "\xef\xbf\xbd");
    at += count > 0 ? (size_t)count : count < 0 ? (size_t)-count : input->length - at;
  }
  add_json(text, repaired.bytes, repaired.length);
  free(repaired.bytes);
  input->length -= at;
  memmove(input->bytes, input->bytes + at, input->length);
}

static void give_input(struct call *call) {
  static char bytes[READ_BYTES];
  ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) {
    static const char reason[] = "standard input cannot be read";
    if (call->has_given_input || call->is_shown) repeat_or_fail(call, reason, reason);
    // The Node client says what is wrong with it.
    hand_over(reason);
  }
  call->has_given_input = true;
  add_bytes(&call->input, bytes, (size_t)count);
  call->wants_input = false;
  struct text *reply = &call->sending;
  add_text(reply, "{\"jsonrpc\":\"2.0\",\"id\":");
  add_bytes(reply, call->input_id.bytes, call->input_id.length);
  add_text(reply, ",\"result\":{\"text\":");
  add_characters(reply, &call->input, count == 0);
  add_text(reply, count == 0 ? ",\"end\":true}}\n" : ",\"end\":false}}\n");
}

// ---- The request

bool is_variable_of(const char *variable, const char *const names[], const char *const prefixes[]) {
  size_t length = strcspn(variable, "=");
  if (variable[length] != '=') return false;
  for (size_t at = 0; names[at] != NULL; at += 1) {
    if (strlen(names[at]) == length && memcmp(variable, names[at], length) == 0) return true;
  }
  for (size_t at = 0; prefixes[at] != NULL; at += 1) {
    size_t prefix = strlen(prefixes[at]);
    if (length > prefix && memcmp(variable, prefixes[at], prefix) == 0) return true;
  }
  return false;
}

static void add_word(struct text *text, const char *word) {
  if (!is_utf8(word, strlen(word))) hand_over("a word or a variable is not UTF-8");
  add_json(text, word, strlen(word));
}

static void add_environment(struct text *text) {
  const char *separator = "";
  for (char **variable = environ; *variable != NULL; variable += 1) {
    if (!is_variable_of(*variable, COMMAND_NAMES, COMMAND_PREFIXES)) continue;
    const char *value = strchr(*variable, '=') + 1;
    char *name = strndup(*variable, (size_t)(value - 1 - *variable));
    if (name == NULL) hand_over("memory is short");
    // Of two with one name, the first counts.
    if (getenv(name) == value) {
      add_text(text, separator);
      add_word(text, name);
      add_text(text, ":");
      add_word(text, value);
      separator = ",";
    }
    free(name);
  }
}

static void make_key(char key[64]) {
  uint64_t chance = 0;
  if (getentropy(&chance, sizeof chance) != 0) hand_over("the system has no random numbers");
  snprintf(key, 64, "%lx-%llx-%llx", (long)getpid(), (long long)wall_clock_ms(),
           (unsigned long long)chance);
}

static void add_terminal(struct text *text) {
  if (!isatty(STDOUT_FILENO)) {
    add_text(text, ",\"stdout_tty\":false,\"columns\":0");
    return;
  }
  add_text(text, ",\"stdout_tty\":true");
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
  add_text(text, ",\"columns\":");
  add_number(text, size.ws_col);
}

static void add_request(struct text *text, const char *cwd, const char *key) {
  add_text(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"run_command\",\"params\":{\"argv\":[");
  for (int at = 0; at < program.count; at += 1) {
    if (at > 0) add_text(text, ",");
    add_word(text, program.words[at]);
  }
  add_text(text, "],\"cwd\":");
  add_word(text, cwd);
  add_text(text, ",\"env\":{");
  add_environment(text);
  add_text(text, "}");
  add_terminal(text);
  add_text(text, ",\"key\":");
  add_word(text, key);
  // Silence ends this call a little later than that: the daemon never runs what was reported as not done.
  add_text(text, ",\"client\":" CLIENT_JSON ",\"expires_ms\":");
  add_number(text, wall_clock_ms() + SILENCE_TIMEOUT_MS);
  add_text(text, "}}\n");
}

// ---- The loop

// How long poll() may wait: for the held output, or for the daemon to say something.
static int wait_ms(const struct call *call) {
  int64_t until_ms = call->silent_at_ms;
  bool is_due = call->is_holding && call->pieces.length > 0 && call->show_at_ms < until_ms;
  int64_t left_ms = (is_due ? call->show_at_ms : until_ms) - now_ms();
  return left_ms < 0 ? 0 : (int)left_ms;
}

// A client that was itself suspended looks once more before it blames the daemon.
static void check_silence(struct call *call) {
  if (now_ms() < call->silent_at_ms) return;
  if (call->looked_twice) fail_silent(call);
  call->looked_twice = true;
  call->silent_at_ms = now_ms() + SECOND_LOOK_MS;
}

int run_command(int daemon, const char *cwd) {
  struct call call = {.daemon = daemon, .is_holding = true};
  static char key[64];
  make_key(key);
  add_request(&call.sending, cwd, key);
  call.silent_at_ms = now_ms() + SILENCE_TIMEOUT_MS;
  command_key = key;
  send_more(&call);
  while (!call.is_done) {
    bool is_sending = call.sent < call.sending.length;
    struct pollfd ready[] = {
        {daemon, (short)(is_sending ? POLLIN | POLLOUT : POLLIN), 0},
        {call.wants_input ? STDIN_FILENO : -1, POLLIN, 0},
    };
    if (poll(ready, 2, wait_ms(&call)) < 0) ready[0].revents = ready[1].revents = 0;
    if (ready[0].revents & POLLOUT) send_more(&call);
    if (ready[0].revents & (POLLIN | POLLHUP | POLLERR)) receive(&call);
    else check_silence(&call);
    if (!call.is_done && (ready[1].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))) give_input(&call);
    bool is_due = call.is_holding && call.pieces.length > 0 && now_ms() >= call.show_at_ms;
    if (!call.is_done && is_due) show(&call);
  }
  return call.exit_code;
}
