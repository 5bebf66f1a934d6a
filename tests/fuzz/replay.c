/* main() for a fuzz driver that is built as an ordinary test: replay FILE-OR-FOLDER…
 *
 * Each input goes to the driver whole and cut after each of its first bytes, in memory that is
 * exactly as long, so that ASan sees a read past the end. Prints TAP, one test for each file.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CUTS_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned tests;

static void
die(const char *what, const char *path)
{
    printf("Bail out! %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void
run_input(const char *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (!copy)
        die("malloc for", "an input");
    if (len > 0)
        memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    char *data;
    size_t len;

    if (!file || fstat(fileno(file), &st) < 0)
        die("open", path);
    len = (size_t)st.st_size;
    data = malloc(len + 1);
    if (!data || fread(data, 1, len, file) != len)
        die("read", path);
    fclose(file);
    for (size_t cut = 0; cut < len && cut < CUTS_MAX; cut++)
        run_input(data, cut);
    run_input(data, len);
    free(data);
    printf("ok %u - %s\n", ++tests, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static int
is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void
replay_folder(const char *path)
{
    struct dirent **entries;
    char name[4096];
    int count = scandir(path, &entries, is_input, alphasort);

    if (count < 0)
        die("scandir", path);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        replay_file(name);
        free(entries[i]);
    }
    free(entries);
}

int
main(int argc, char **argv)
{
    struct stat st;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (stat(argv[i], &st) < 0)
            die("stat", argv[i]);
        if (S_ISDIR(st.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    printf("1..%u\n", tests);
    return tests > 0 ? 0 : 1;
}
