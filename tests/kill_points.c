/* Counts what a process changes below one folder, and kills it (SIGKILL) at the n-th change.

   Preloaded into Python (LD_PRELOAD), so that TensorFlow's own writers are seen, too. A change is a file opened for
   writing, a write, and everything that makes, renames, cuts or removes a name. The kill comes before the change, or
   in the middle of it where it is a write and `torn` is set. Nothing is counted before `kill_points_arm`. TensorBoard's
   event files, which threads write when they get to it and nobody reads back, do not count. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[4096];
static long kill_at = -1, changes = 0;
static int torn = 0;

void kill_points_arm(const char *folder, long at, int in_the_middle) {
  snprintf(root, sizeof root, "%s/", folder);
  kill_at = at;
  torn = in_the_middle;
}

long kill_points_count(void) { return changes; }

static int counts(const char *path) {
  return root[0] && path && !strncmp(path, root, strlen(root)) && !strstr(path, "tfevents");
}

static int counts_fd(int fd) {
  char link[64], path[4096];
  if (!root[0]) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return counts(path);
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

/* Returns whether this change is the one to die at. */
static int is_last(int counted) { return counted && __sync_add_and_fetch(&changes, 1) == kill_at; }

static void change(const char *path) { if (is_last(counts(path))) die(); }

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, name, const char *, int, ...); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) change(path); \
    return real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    REAL(int, name, int, const char *, int, ...); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) change(path); \
    return real(folder, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    REAL(FILE *, name, const char *, const char *); \
    if (strpbrk(mode, "wa+")) change(path); \
    return real(path, mode); \
  }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int fd, const void *data, size_t size) {
  REAL(ssize_t, write, int, const void *, size_t);
  if (is_last(counts_fd(fd))) {
    if (torn) real(fd, data, size / 2);
    die();
  }
  return real(fd, data, size);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
  if (root[0] && file != stdout && file != stderr && is_last(counts_fd(fileno(file)))) {
    if (torn) { real(data, 1, size * count / 2, file); fflush(file); }
    die();
  }
  return real(data, size, count, file);
}

int fclose(FILE *file) {
  REAL(int, fclose, FILE *);
  if (root[0] && is_last(counts_fd(fileno(file)))) die();
  return real(file);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  if (is_last(counts_fd(fd))) {
    if (torn) real(fd, data, size / 2, offset);
    die();
  }
  return real(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  if (is_last(counts_fd(fd))) die();
  return real(fd, parts, count);
}

#define SENDFILE(name, offset_type) \
  ssize_t name(int target, int source, offset_type *offset, size_t size) { \
    REAL(ssize_t, name, int, int, offset_type *, size_t); \
    if (is_last(counts_fd(target))) { \
      if (torn) real(target, source, offset, size / 2 < 64 ? size / 2 : 64); \
      die(); \
    } \
    return real(target, source, offset, size); \
  }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

int rename(const char *old, const char *new) {
  REAL(int, rename, const char *, const char *);
  change(new);
  return real(old, new);
}

int renameat(int from, const char *old, int to, const char *new) {
  REAL(int, renameat, int, const char *, int, const char *);
  change(new);
  return real(from, old, to, new);
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  change(path);
  return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  if (is_last(path[0] == '/' ? counts(path) : counts_fd(folder))) die();
  return real(folder, path, flags);
}

int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  change(path);
  return real(path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  change(path);
  return real(path, mode);
}

int symlink(const char *target, const char *path) {
  REAL(int, symlink, const char *, const char *);
  change(path);
  return real(target, path);
}

int link(const char *old, const char *path) {
  REAL(int, link, const char *, const char *);
  change(path);
  return real(old, path);
}

int truncate64(const char *path, off64_t size) {
  REAL(int, truncate64, const char *, off64_t);
  change(path);
  return real(path, size);
}

int ftruncate64(int fd, off64_t size) {
  REAL(int, ftruncate64, int, off64_t);
  if (is_last(counts_fd(fd))) die();
  return real(fd, size);
}
