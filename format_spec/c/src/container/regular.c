/* regular.c - POSIX can say what a path leads to before it is opened; elsewhere C has to do. */
#include "../base/posix.h"

#include "regular.h"

#include "../base/status.h"

#ifdef HAS_POSIX
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_kind(const struct stat *found, char *error)
{
    mode_t mode = found->st_mode;
    if (S_ISREG(mode))
        return PEMN_OK;
    return pemn_fail(PEMN_SYSTEM, error, "expected a regular file, got a %s",
                     S_ISDIR(mode)    ? "folder"
                     : S_ISFIFO(mode) ? "pipe"
                     : S_ISSOCK(mode) ? "socket"
                                      : "device");
}

PEMN_SHARED int pemn_open_regular(const char *path, FILE **stream, uint64_t *size, char *error)
{
    struct stat found;
    int status, file;
    *stream = NULL;
    if (stat(path, &found) != 0)
        return pemn_fail(PEMN_SYSTEM, error, "cannot be opened");
    if ((status = check_kind(&found, error)) != PEMN_OK) /* opening alone may do something */
        return status;
    file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0)
        return pemn_fail(PEMN_SYSTEM, error, "cannot be opened");
    if (fstat(file, &found) != 0) /* it may be another one by now */
        status = pemn_fail(PEMN_SYSTEM, error, "cannot be read");
    else if ((status = check_kind(&found, error)) == PEMN_OK &&
             (*stream = fdopen(file, "rb")) == NULL)
        status = pemn_fail(PEMN_SYSTEM, error, "out of memory");
    if (status == PEMN_OK)
        *size = (uint64_t)found.st_size;
    else
        (void)close(file);
    return status;
}
#else
PEMN_SHARED int pemn_open_regular(const char *path, FILE **stream, uint64_t *size, char *error)
{
    long end = -1;
    if ((*stream = fopen(path, "rb")) == NULL)
        return pemn_fail(PEMN_SYSTEM, error, "cannot be opened");
    if (fseek(*stream, 0, SEEK_END) != 0 || (end = ftell(*stream)) < 0 ||
        fseek(*stream, 0, SEEK_SET) != 0) {
        (void)fclose(*stream);
        *stream = NULL;
        return pemn_fail(PEMN_SYSTEM, error, "cannot be read");
    }
    *size = (uint64_t)end;
    return PEMN_OK;
}
#endif
