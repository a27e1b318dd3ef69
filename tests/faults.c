/* Lets the n-th of the system calls below fail, in whatever thread: see unit/test_snapshot_faults.py.
 *
 * Preloaded, it stands before the C library. liveref_fail_at(n, error) starts to count; liveref_calls() tells how many
 * there were, and stops. A call that fails does nothing, but for close, which closes all the same, as Linux does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

static int counting, calls, failing, failure;

void liveref_fail_at(int number, int error) {
    calls = 0;
    failing = number;
    failure = error;
    counting = 1;
}

int liveref_calls(void) {
    counting = 0;
    return calls;
}

static int fails(void) {
    if (!counting || __sync_add_and_fetch(&calls, 1) != failing) return 0;
    errno = failure;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(result, name, parameters, ...)                     \
    result name parameters;                                     \
    result name parameters {                                    \
        return fails() ? (result)-1 : NEXT(name)(__VA_ARGS__);  \
    }

#define WRAP_OPEN(name)                                         \
    int name(const char *path, int flags, ...);                 \
    int name(const char *path, int flags, ...) {                \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode_t mode = va_arg(rest, mode_t);                     \
        va_end(rest);                                           \
        return fails() ? -1 : NEXT(name)(path, flags, mode);    \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP(ssize_t, write, (int fd, const void *data, size_t size), fd, data, size)
WRAP(ssize_t, read, (int fd, void *data, size_t size), fd, data, size)
WRAP(ssize_t, preadv, (int fd, const void *parts, int count, off_t at), fd, parts, count, at)
WRAP(ssize_t, preadv64, (int fd, const void *parts, int count, off_t at), fd, parts, count, at)
WRAP(ssize_t, preadv2, (int fd, const void *parts, int count, off_t at, int flags), fd, parts, count, at, flags)
WRAP(ssize_t, preadv64v2, (int fd, const void *parts, int count, off_t at, int flags), fd, parts, count, at, flags)
WRAP(int, fsync, (int fd), fd)
WRAP(int, fchmod, (int fd, mode_t mode), fd, mode)
WRAP(int, flock, (int fd, int operation), fd, operation)
WRAP(int, fstat, (int fd, void *found), fd, found)
WRAP(int, fstat64, (int fd, void *found), fd, found)
WRAP(int, stat, (const char *path, void *found), path, found)
WRAP(int, stat64, (const char *path, void *found), path, found)
WRAP(int, lstat, (const char *path, void *found), path, found)
WRAP(int, lstat64, (const char *path, void *found), path, found)
WRAP(int, rename, (const char *from, const char *to), from, to)
WRAP(int, unlink, (const char *path), path)

void *opendir(const char *path);
void *opendir(const char *path) { return fails() ? NULL : NEXT(opendir)(path); }

int close(int fd);
int close(int fd) {
    int failed = fails(), result = NEXT(close)(fd);
    if (failed) errno = failure;
    return failed ? -1 : result;
}

/* Memory of the interpreter's own is not a matter of files. */
#define WRAP_MMAP(name)                                                                             \
    void *name(void *address, size_t size, int protection, int flags, int fd, off_t at);            \
    void *name(void *address, size_t size, int protection, int flags, int fd, off_t at) {           \
        if (fd >= 0 && fails()) return (void *)-1;                                                  \
        return NEXT(name)(address, size, protection, flags, fd, at);                                \
    }

WRAP_MMAP(mmap)
WRAP_MMAP(mmap64)
