/* Counts what a process changes below one folder, and kills it (SIGKILL) at the n-th change, or copies the folder at
   each: a copy is what a kill would have left there.

   Preloaded into Python (LD_PRELOAD), so that TensorFlow's own writers are seen, too. A change is a file opened for
   writing, a write, and everything that makes, renames, cuts or removes a name. The kill (or the copy) comes before the
   change, or in the middle of it where it is a write and `torn` is set. Nothing is counted before `kill_points_arm`.
   TensorBoard's event files, which threads write when they get to it and nobody reads back, do not count. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char root[4096], copies[4096];
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static long kill_at = -1, changes = 0;
static int torn = 0;

/* Kills at change number `at`; where `copies_folder` is not empty, copies the folder to copies_folder/n at each instead. */
void kill_points_arm(const char *folder, long at, int in_the_middle, const char *copies_folder) {
  snprintf(root, sizeof root, "%s/", folder);
  snprintf(copies, sizeof copies, "%s", copies_folder);
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

static void copy(long number) {
  char target[4200];
  pid_t child;
  int status;
  snprintf(target, sizeof target, "%s/%ld", copies, number);
  char *words[] = {"cp", "-a", root, target, NULL};
  if (posix_spawnp(&child, "cp", NULL, NULL, words, environ) || waitpid(child, &status, 0) < 0 || status) abort();
}

/* Counts a change; the one to kill at does not return. In the middle of a write it is called after the first half. */
static void reach(void) {
  pthread_mutex_lock(&changing);  /* a copy is of one moment: the changes of other threads wait */
  long number = ++changes;
  if (number == kill_at) { kill(getpid(), SIGKILL); for (;;) pause(); }
  if (copies[0]) copy(number);
  pthread_mutex_unlock(&changing);
}

static void change(const char *path) { if (counts(path)) reach(); }

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
  if (!counts_fd(fd)) return real(fd, data, size);
  ssize_t half = torn ? real(fd, data, size / 2) : 0;
  reach();
  if (half < 0) return half;
  ssize_t rest = real(fd, (const char *)data + half, size - half);
  return rest < 0 ? rest : half + rest;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
  REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
  if (!root[0] || file == stdout || file == stderr || !counts_fd(fileno(file))) return real(data, size, count, file);
  size_t bytes = size * count, half = torn ? real(data, 1, bytes / 2, file) : 0;
  if (torn) fflush(file);
  reach();
  return size ? (half + real((const char *)data + half, 1, bytes - half, file)) / size : 0;
}

int fclose(FILE *file) {
  REAL(int, fclose, FILE *);
  if (root[0] && counts_fd(fileno(file))) reach();
  return real(file);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  if (!counts_fd(fd)) return real(fd, data, size, offset);
  ssize_t half = torn ? real(fd, data, size / 2, offset) : 0;
  reach();
  if (half < 0) return half;
  ssize_t rest = real(fd, (const char *)data + half, size - half, offset + half);
  return rest < 0 ? rest : half + rest;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  if (counts_fd(fd)) reach();
  return real(fd, parts, count);
}

/* In the middle: fewer bytes than asked for, which its callers have to expect. */
#define SENDFILE(name, offset_type) \
  ssize_t name(int target, int source, offset_type *offset, size_t size) { \
    REAL(ssize_t, name, int, int, offset_type *, size_t); \
    if (!counts_fd(target)) return real(target, source, offset, size); \
    if (!torn || size < 2) { reach(); return real(target, source, offset, size); } \
    ssize_t sent = real(target, source, offset, size / 2 < 64 ? size / 2 : 64); \
    reach(); \
    return sent; \
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
  if (path[0] == '/' ? counts(path) : counts_fd(folder)) reach();
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
  if (counts_fd(fd)) reach();
  return real(fd, size);
}
