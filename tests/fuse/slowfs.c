/* slowfs - a file system with one file, "slow", whose reads take their time.
 *
 *     slowfs DIRECTORY BYTES [DELAY_MS] [direct] [paths]
 *
 * Byte i of it is i / 8 if i is even, else i / 2048, modulo 256. Each read takes DELAY_MS; without
 * one, all wait for a line on stdin, and "held" is printed on stdout when the first does. With
 * "direct" nothing of it stays in memory. With "paths" finding any name takes that time, too. SIGTERM
 * unmounts.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NAME "/slow"

static struct {
    long long bytes;
    long delay_ms; /* negative: until it is released */
    int direct, paths;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int said, open; /* of the gate */
} slow = {.delay_ms = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
slow_wait(void)
{
    struct timespec delay = {slow.delay_ms / 1000, slow.delay_ms % 1000 * 1000000};

    if (slow.delay_ms >= 0) {
        nanosleep(&delay, NULL);
        return;
    }
    pthread_mutex_lock(&slow.lock);
    if (!slow.said)
        puts("held");
    slow.said = 1;
    while (!slow.open)
        pthread_cond_wait(&slow.changed, &slow.lock);
    pthread_mutex_unlock(&slow.lock);
}

static int
slow_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    memset(st, 0, sizeof(*st));
    if (strcmp(path, "/") == 0) {
        st->st_mode = S_IFDIR | 0555;
        st->st_nlink = 2;
        return 0;
    }
    if (slow.paths)
        slow_wait();
    if (strcmp(path, NAME) != 0)
        return -ENOENT;
    st->st_mode = S_IFREG | 0444;
    st->st_nlink = 1;
    st->st_size = slow.bytes;
    return 0;
}

static int
slow_open(const char *path, struct fuse_file_info *info)
{
    info->direct_io = slow.direct != 0;
    return strcmp(path, NAME) == 0 ? 0 : -ENOENT;
}

static int
slow_read(const char *path, char *to, size_t size, off_t offset, struct fuse_file_info *info)
{
    size_t n = 0;

    slow_wait();
    for (; n < size && offset < slow.bytes; n++, offset++)
        to[n] = (char)(offset % 2 == 0 ? offset / 8 : offset / 2048);
    return (int)n;
}

static void *
slow_gate(void *arg)
{
    if (getchar() == EOF)
        return NULL;
    pthread_mutex_lock(&slow.lock);
    slow.open = 1;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
    return NULL;
}

/* Start threads here, after the fork into the background. */
static void *
slow_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, slow_gate, NULL) != 0)
        exit(1);
    pthread_detach(thread);
    puts("mounted");
    return NULL;
}

int
main(int argc, char **argv)
{
    static const struct fuse_operations operations = {
        .init = slow_init, .getattr = slow_getattr, .open = slow_open, .read = slow_read};
    static char foreground[] = "-f";

    if (argc < 3) {
        fputs("usage: slowfs DIRECTORY BYTES [DELAY_MS] [direct] [paths]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    slow.bytes = atoll(argv[2]);
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "direct") == 0)
            slow.direct = 1;
        else if (strcmp(argv[i], "paths") == 0)
            slow.paths = 1;
        else
            slow.delay_ms = atol(argv[i]);
    }
    return fuse_main(3, ((char *[]){argv[0], foreground, argv[1], NULL}), &operations, NULL);
}
