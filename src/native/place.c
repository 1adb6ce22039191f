// Where the command's workspace is and who serves it: src/place/find-workspace.ts and src/place/socket-link.ts
// for an ordinary repository and its linked worktrees. Anything else is handed over.
#include "bd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "constants.h"

void join_path(char path[PATH_MAX], const char *directory, const char *name) {
  const char *parent = strcmp(directory, "/") == 0 ? "" : directory;
  if (snprintf(path, PATH_MAX, "%s/%s", parent, name) >= PATH_MAX) hand_over("a path is too long");
}

bool is_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool read_file(const char *path, char *bytes, size_t capacity) {
  // Reading a pipe would block.
  if (!is_file(path)) return false;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  size_t length = 0;
  ssize_t got;
  while (length < capacity && (got = read(file, bytes + length, capacity - length)) > 0) {
    length += (size_t)got;
  }
  close(file);
  if (length == capacity) return false;
  bytes[length] = '\0';
  return true;
}

// ---- The workspace

static void to_parent(char *path) {
  char *slash = strrchr(path, '/');
  slash[slash == path ? 1 : 0] = '\0';
}

static bool open_beads(const char *directory, struct place *place) {
  char beads[PATH_MAX], path[PATH_MAX];
  join_path(beads, directory, ".beads");
  if (!is_directory(beads)) return false;
  join_path(path, beads, "redirect");
  struct stat status;
  if (lstat(path, &status) == 0) hand_over("`.beads` has a redirect");
  bool is_workspace = false;
  for (size_t at = 0; WORKSPACE_FILES[at] != NULL && !is_workspace; at += 1) {
    join_path(path, beads, WORKSPACE_FILES[at]);
    is_workspace = is_file(path);
  }
  if (!is_workspace) return false;
  if (realpath(beads, place->beads) == NULL) hand_over("`.beads` cannot be resolved");
  if (!is_ascii(place->beads)) hand_over("the workspace's path is not ASCII");
  return true;
}

// The text after `gitdir: ` in the `.git` of a linked worktree, as a path.
static void follow_git_file(const char *top, const char *git_file, char git_dir[PATH_MAX]) {
  static const char label[] = "gitdir: ";
  char text[PATH_MAX];
  if (!read_file(git_file, text, sizeof text) || strncmp(text, label, strlen(label)) != 0) {
    hand_over("`.git` is not a linked worktree's");
  }
  char *target = text + strlen(label);
  target[strcspn(target, "\r\n")] = '\0';
  if (*target == '/') snprintf(git_dir, PATH_MAX, "%s", target);
  else join_path(git_dir, top, target);
}

// The main working tree of a linked one: the directory of `.git`, where that is the common directory.
static void find_main_worktree(const char *top, const char *git_file, char main_tree[PATH_MAX]) {
  char git_dir[PATH_MAX], path[PATH_MAX], common[PATH_MAX], text[PATH_MAX];
  follow_git_file(top, git_file, git_dir);
  join_path(path, git_dir, "commondir");
  // A submodule has none.
  if (!read_file(path, text, sizeof text)) hand_over("`.git` is not a linked worktree's");
  text[strcspn(text, "\r\n")] = '\0';
  if (*text == '/') snprintf(path, sizeof path, "%s", text);
  else join_path(path, git_dir, text);
  if (realpath(path, common) == NULL) hand_over("the repository of this worktree is gone");
  snprintf(main_tree, PATH_MAX, "%s", common);
  char *name = strrchr(main_tree, '/');
  if (name == main_tree || strcmp(name, "/.git") != 0) hand_over("the repository has no main worktree");
  *name = '\0';
  join_path(path, common, "HEAD");
  join_path(text, common, "objects");
  if (!is_file(path) || !is_directory(text)) hand_over("the repository of this worktree is gone");
}

// Whether the workspace in `directory` of the main working tree is that repository's own, and not a link.
static bool belongs_to(const char *main_tree, const char *directory, const struct place *place) {
  char path[PATH_MAX];
  join_path(path, directory, ".beads");
  if (strcmp(path, place->beads) != 0) return false;
  struct stat status;
  char at[PATH_MAX];
  snprintf(at, sizeof at, "%s", directory);
  for (; strlen(at) > strlen(main_tree); to_parent(at)) {
    join_path(path, at, ".git");
    if (lstat(path, &status) == 0) return false;
  }
  return true;
}

// All working trees share the main one's workspace: it is at the same place there, between `cwd` and `up_to`.
static void find_shared(const char *top, const char *git_file, const char *cwd, const char *up_to,
                        struct place *place) {
  char main_tree[PATH_MAX], directory[PATH_MAX];
  find_main_worktree(top, git_file, main_tree);
  size_t top_length = strcmp(top, "/") == 0 ? 0 : strlen(top);
  size_t shortest = strlen(main_tree) + strlen(up_to) - top_length;
  if (snprintf(directory, sizeof directory, "%s%s", main_tree, cwd + top_length) >= PATH_MAX) {
    hand_over("a path is too long");
  }
  for (;; to_parent(directory)) {
    if (open_beads(directory, place)) {
      if (belongs_to(main_tree, directory, place)) return;
      hand_over("another repository lies between");
    }
    if (strlen(directory) <= shortest) hand_over("the main worktree has no workspace");
  }
}

void find_place(const char *cwd, struct place *place) {
  char directory[PATH_MAX], path[PATH_MAX], up_to[PATH_MAX] = "";
  const char *home = getenv("HOME");
  snprintf(directory, sizeof directory, "%s", cwd);
  bool is_found = false;
  for (;; to_parent(directory)) {
    if (!is_found && open_beads(directory, place)) {
      is_found = true;
      snprintf(up_to, sizeof up_to, "%s", directory);
    }
    join_path(path, directory, ".git");
    struct stat status;
    if (stat(path, &status) == 0) {
      // Nearly all calls: an ordinary repository with a workspace.
      if (S_ISDIR(status.st_mode) && is_found) return;
      if (S_ISDIR(status.st_mode)) hand_over("this repository has no workspace");
      return find_shared(directory, path, cwd, is_found ? up_to : directory, place);
    }
    bool is_last = strcmp(directory, "/") == 0 || (home != NULL && strcmp(directory, home) == 0);
    if (is_last && is_found) return;
    if (is_last) hand_over("there is no workspace here");
  }
}

// ---- Its daemon

// As workspaceKey() in src/place/socket-link.ts: cyrb53 of the path, in base 36.
static void workspace_key(const char *beads, char key[16]) {
  uint32_t high = 0xdeadbeef, low = 0x41c6ce57;
  for (const char *at = beads; *at != '\0'; at += 1) {
    high = (high ^ (unsigned char)*at) * 0x9e3779b1u;
    low = (low ^ (unsigned char)*at) * 0x5f356495u;
  }
  high = ((high ^ (high >> 16)) * 0x85ebca6bu) ^ ((low ^ (low >> 13)) * 0xc2b2ae35u);
  low = ((low ^ (low >> 16)) * 0x85ebca6bu) ^ ((high ^ (high >> 13)) * 0xc2b2ae35u);
  uint64_t hash = ((uint64_t)(low & 0x1fffff) << 32) | high;
  char digits[16];
  size_t count = 0;
  do {
    digits[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[hash % 36];
    hash /= 36;
  } while (hash > 0);
  for (size_t at = 0; at < count; at += 1) key[at] = digits[count - 1 - at];
  key[count] = '\0';
}

// `<key>-<instance>.sock`
static bool is_named_for(const struct place *place, const char *name) {
  char key[16];
  workspace_key(place->beads, key);
  size_t length = strlen(key);
  if (strncmp(name, key, length) != 0 || name[length] != '-') return false;
  const char *instance = name + length + 1;
  size_t count = strspn(instance, "0123456789abcdefghijklmnopqrstuvwxyz");
  return count > 0 && strcmp(instance + count, ".sock") == 0;
}

static bool is_private_directory(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == getuid() &&
         (status.st_mode & 077) == 0;
}

// As resolveSocket(): a repository may contain a link to anywhere. False when no daemon listens, or none now.
static bool resolve_socket(const struct place *place, char path[PATH_MAX]) {
  char link[PATH_MAX], directory[PATH_MAX];
  join_path(link, place->beads, SOCKET_LINK);
  ssize_t length = readlink(link, path, PATH_MAX);
  if (length < 0 && errno == ENOENT) return false;
  if (length <= 0 || length == PATH_MAX) hand_over("`bd.sock` is not bd's own link");
  path[length] = '\0';
  const char *name = strrchr(path, '/');
  if (path[0] != '/' || name == path || !is_named_for(place, name + 1)) {
    hand_over("`bd.sock` does not lead to this workspace's daemon");
  }
  snprintf(directory, sizeof directory, "%.*s", (int)(name - path), path);
  struct stat status;
  if (lstat(path, &status) != 0) return false;
  if (!S_ISSOCK(status.st_mode) || status.st_uid != getuid() || !is_private_directory(directory)) {
    hand_over("`bd.sock` leads to what is not this user's alone");
  }
  return true;
}

int connect_daemon(const struct place *place) {
  char path[PATH_MAX];
  if (!resolve_socket(place, path)) return -1;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) hand_over("the daemon's socket has a long path");
  memcpy(address.sun_path, path, strlen(path) + 1);
  int daemon = socket(AF_UNIX, SOCK_STREAM, 0);
  if (daemon < 0) hand_over("no socket can be opened");
  fcntl(daemon, F_SETFD, FD_CLOEXEC);
  fcntl(daemon, F_SETFL, O_NONBLOCK);
#ifdef SO_NOSIGPIPE
  setsockopt(daemon, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
  if (connect(daemon, (struct sockaddr *)&address, sizeof address) == 0) return daemon;
  bool is_absent = errno == ECONNREFUSED || errno == ENOENT;
  close(daemon);
  // Whether it answers later is for the Node client to find out.
  if (!is_absent) hand_over("the daemon does not accept the connection");
  return -1;
}
