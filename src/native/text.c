// Bytes that grow, UTF-8, and as much of JSON as the daemon's messages need.
#include "bd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Deeper than any message of the daemon.
#define JSON_DEPTH_MAX 64

void add_bytes(struct text *text, const void *bytes, size_t length) {
  if (length > text->capacity - text->length) {
    size_t capacity = text->capacity == 0 ? 4096 : text->capacity;
    while (length > capacity - text->length) capacity *= 2;
    text->bytes = realloc(text->bytes, capacity);
    if (text->bytes == NULL) {
      fputs("Error: out of memory\n", stderr);
      exit(70);
    }
    text->capacity = capacity;
  }
  if (length > 0) memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

void add_text(struct text *text, const char *words) {
  add_bytes(text, words, strlen(words));
}

void add_number(struct text *text, int64_t number) {
  char digits[24];
  snprintf(digits, sizeof digits, "%lld", (long long)number);
  add_text(text, digits);
}

void add_json(struct text *text, const char *bytes, size_t length) {
  add_bytes(text, "\"", 1);
  size_t written = 0;
  for (size_t at = 0; at < length; at += 1) {
    unsigned char byte = (unsigned char)bytes[at];
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", byte);
    add_bytes(text, bytes + written, at - written);
    add_text(text, escape);
    written = at + 1;
  }
  add_bytes(text, bytes + written, length - written);
  add_bytes(text, "\"", 1);
}

// By table 3-7 of the Unicode standard, so that what is no character is cut as decoders of the web cut it.
int utf8_character(const unsigned char *bytes, size_t length) {
  unsigned char first = bytes[0];
  if (first < 0x80) return 1;
  int count = first >= 0xc2 && first <= 0xdf   ? 2
              : first >= 0xe0 && first <= 0xef ? 3
              : first >= 0xf0 && first <= 0xf4 ? 4
                                               : 0;
  if (count == 0) return -1;
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  for (int at = 1; at < count; at += 1) {
    if ((size_t)at == length) return 0;
    if (bytes[at] < low || bytes[at] > high) return -at;
    low = 0x80;
    high = 0xbf;
  }
  return count;
}

bool is_utf8(const char *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    int count = utf8_character((const unsigned char *)bytes + at, length - at);
    if (count <= 0) return false;
    at += (size_t)count;
  }
  return true;
}

bool is_ascii(const char *word) {
  for (; *word != '\0'; word += 1) {
    if ((unsigned char)*word >= 0x80) return false;
  }
  return true;
}

// ---- JSON. Each `skip` returns what follows the value, or NULL when there is no such value.

static const char *skip_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at += 1;
  return at;
}

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// The number of four hexadecimal digits; -1 without them.
static int32_t read_unit(const char *at, const char *end) {
  if (end - at < 4) return -1;
  int32_t unit = 0;
  for (int digit = 0; digit < 4; digit += 1) {
    int value = hex_digit(at[digit]);
    if (value < 0) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

static const char *skip_string(const char *at, const char *end) {
  for (at += 1; at < end; at += 1) {
    if (*at == '"') return at + 1;
    if ((unsigned char)*at < 0x20) return NULL;
    if (*at != '\\') continue;
    at += 1;
    if (at == end) return NULL;
    if (*at == 'u') {
      if (read_unit(at + 1, end) < 0) return NULL;
      at += 4;
    } else if (*at == '\0' || strchr("\"\\/bfnrt", *at) == NULL) {
      return NULL;
    }
  }
  return NULL;
}

static const char *skip_digits(const char *at, const char *end) {
  const char *start = at;
  while (at < end && *at >= '0' && *at <= '9') at += 1;
  return at == start ? NULL : at;
}

static const char *skip_number(const char *at, const char *end) {
  if (*at == '-') at += 1;
  const char *whole = at;
  at = skip_digits(at, end);
  if (at == NULL || (*whole == '0' && at - whole > 1)) return NULL;
  if (at < end && *at == '.') at = skip_digits(at + 1, end);
  if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
    at += 1;
    if (at < end && (*at == '+' || *at == '-')) at += 1;
    at = skip_digits(at, end);
  }
  return at;
}

static const char *skip_word(const char *at, const char *end, const char *word) {
  size_t length = strlen(word);
  return (size_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

static const char *skip_value(const char *at, const char *end, int depth);

// The members of an object or the items of an array, from the bracket on. `found` may note each member.
static const char *skip_list(const char *at, const char *end, int depth,
                             void (*found)(struct slice name, struct slice value, void *context), void *context) {
  bool is_object = *at == '{';
  char close = is_object ? '}' : ']';
  if (depth == JSON_DEPTH_MAX) return NULL;
  at = skip_space(at + 1, end);
  if (at < end && *at == close) return at + 1;
  for (;;) {
    struct slice name = {at, at};
    if (is_object) {
      if (at == end || *at != '"' || (name.end = skip_string(at, end)) == NULL) return NULL;
      at = skip_space(name.end, end);
      if (at == end || *at != ':') return NULL;
      at = skip_space(at + 1, end);
    }
    struct slice value = {at, skip_value(at, end, depth + 1)};
    if (value.end == NULL) return NULL;
    if (found != NULL) found(name, value, context);
    at = skip_space(value.end, end);
    if (at < end && *at == close) return at + 1;
    if (at == end || *at != ',') return NULL;
    at = skip_space(at + 1, end);
  }
}

static const char *skip_value(const char *at, const char *end, int depth) {
  if (at == end) return NULL;
  switch (*at) {
    case '{':
    case '[':
      return skip_list(at, end, depth, NULL, NULL);
    case '"':
      return skip_string(at, end);
    case 't':
      return skip_word(at, end, "true");
    case 'f':
      return skip_word(at, end, "false");
    case 'n':
      return skip_word(at, end, "null");
    default:
      return skip_number(at, end);
  }
}

struct wanted {
  const char *const *names;
  struct slice *members;
  size_t count;
};

bool is_json_string(struct slice json, const char *expected) {
  size_t length = strlen(expected);
  return json.start != NULL && (size_t)(json.end - json.start) == length + 2 && *json.start == '"' &&
         memcmp(json.start + 1, expected, length) == 0;
}

static void note_member(struct slice name, struct slice value, void *context) {
  struct wanted *wanted = context;
  for (size_t at = 0; at < wanted->count; at += 1) {
    if (is_json_string(name, wanted->names[at])) wanted->members[at] = value;
  }
}

bool read_object(struct slice json, const char *const names[], struct slice members[], size_t count) {
  for (size_t at = 0; at < count; at += 1) members[at] = (struct slice){NULL, NULL};
  if (json.start == NULL) return false;
  struct wanted wanted = {names, members, count};
  const char *at = skip_space(json.start, json.end);
  if (at == json.end || *at != '{') return false;
  at = skip_list(at, json.end, 0, note_member, &wanted);
  return at != NULL && skip_space(at, json.end) == json.end;
}

static void add_character(struct text *text, uint32_t code) {
  unsigned char bytes[4];
  size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t at = length - 1; at > 0; at -= 1) {
    bytes[at] = (unsigned char)(0x80 | (code & 0x3f));
    code >>= 6;
  }
  bytes[0] = (unsigned char)(first[length] | code);
  add_bytes(text, bytes, length);
}

// The character of one escape, from behind its backslash; half of a pair becomes U+FFFD, as in Node's output.
static const char *add_escape(struct text *text, const char *at, const char *end) {
  static const char letters[] = "bfnrt", characters[] = "\b\f\n\r\t";
  if (*at != 'u') {
    const char *letter = strchr(letters, *at);
    add_bytes(text, letter == NULL ? at : characters + (letter - letters), 1);
    return at + 1;
  }
  uint32_t unit = (uint32_t)read_unit(at + 1, end);
  at += 5;
  if (unit < 0xd800 || unit > 0xdfff) {
    add_character(text, unit);
    return at;
  }
  bool is_pair = unit <= 0xdbff && end - at >= 6 && at[0] == '\\' && at[1] == 'u';
  int32_t second = is_pair ? read_unit(at + 2, end) : -1;
  if (second < 0xdc00 || second > 0xdfff) {
    add_character(text, 0xfffd);
    return at;
  }
  add_character(text, 0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)second - 0xdc00));
  return at + 6;
}

void add_unquoted(struct text *text, struct slice json) {
  const char *end = json.end - 1;
  for (const char *at = json.start + 1; at < end;) {
    const char *escape = memchr(at, '\\', (size_t)(end - at));
    const char *plain_end = escape == NULL ? end : escape;
    add_bytes(text, at, (size_t)(plain_end - at));
    if (escape == NULL) return;
    at = add_escape(text, escape + 1, end);
  }
}
