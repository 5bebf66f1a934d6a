#include "common/slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to that many bytes: fewer where the file has become shorter meanwhile. */
static ssize_t
slurp_bytes(int fd, char *to, size_t size)
{
    size_t n = 0;
    ssize_t r = 1;

    while (n < size && r != 0) {
        r = read(fd, to + n, size - n);
        if (r < 0 && errno != EINTR)
            return -errno;
        n += r > 0 ? (size_t)r : 0;
    }
    return (ssize_t)n;
}

static ssize_t
slurp_fd(int fd, size_t max, char **ret_text)
{
    struct stat st;
    char *text;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if ((uint64_t)st.st_size > max)
        return -EFBIG;
    text = malloc((size_t)st.st_size + 1);
    if (!text)
        return -ENOMEM;
    n = slurp_bytes(fd, text, (size_t)st.st_size);
    if (n < 0) {
        free(text);
        return n;
    }
    text[n] = '\0';
    *ret_text = text;
    return n;
}

ssize_t
slurp(const char *path, size_t max, char **ret_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* which a FIFO would wait without */
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = slurp_fd(fd, max, ret_text);
    close(fd);
    return n;
}
