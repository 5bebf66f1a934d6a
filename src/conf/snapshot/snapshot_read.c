#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "conf/snapshot/snapshot.h"

/* Up to that many bytes: fewer where the file has become shorter meanwhile. */
static ssize_t
snapshot_read_bytes(int fd, char *to, size_t size)
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
snapshot_read_disk(const char *path, size_t max, char **ret_text)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait */
    struct stat st;
    char *text;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if ((uint64_t)st.st_size > max)
        return -EFBIG;
    text = malloc((size_t)st.st_size + 1);
    if (!text)
        return -ENOMEM;
    n = snapshot_read_bytes(fd, text, (size_t)st.st_size);
    if (n < 0) {
        free(text);
        return n;
    }
    text[n] = '\0';
    *ret_text = text;
    return n;
}

static ssize_t
snapshot_read_entry(const struct snapshot_entry *entry, size_t max, char **ret_text)
{
    char *text;

    if (entry->error)
        return entry->error;
    if (entry->len > max)
        return -EFBIG;
    text = malloc(entry->len + 1);
    if (!text)
        return -ENOMEM;
    memcpy(text, entry->data, entry->len);
    text[entry->len] = '\0';
    *ret_text = text;
    return (ssize_t)entry->len;
}

ssize_t
snapshot_read(struct snapshot *s, const char *path, size_t max, char **ret_text)
{
    struct snapshot_entry entry = {0};
    ssize_t n;

    if (snapshot_find(s, SNAPSHOT_FILE, path, &entry))
        return snapshot_read_entry(&entry, max, ret_text);
    n = snapshot_read_disk(path, max, ret_text);
    if (n >= 0)
        entry = (struct snapshot_entry){.data = *ret_text, .len = (size_t)n};
    else
        entry.error = (int)n;
    if (n != -ENOMEM && n != -EFBIG)
        snapshot_add(s, SNAPSHOT_FILE, path, &entry);
    return n;
}
