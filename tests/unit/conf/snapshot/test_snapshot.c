#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "conf/snapshot/snapshot.h"
#include "unit/conf/kit.h"

static int
new_memfd(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    return fd;
}

static void
reads(struct snapshot *s, const char *path, size_t max, const char *expected)
{
    char *text = NULL;

    assert_int_equal(snapshot_read(s, path, max, &text), strlen(expected));
    assert_string_equal(text, expected);
    free(text);
}

static void
fails(struct snapshot *s, const char *path, size_t max, int error)
{
    char *text = NULL;

    assert_int_equal(snapshot_read(s, path, max, &text), error);
    assert_null(text);
}

static void
test_snapshot_replays_bytes_and_errors(void **state)
{
    struct snapshot s;
    struct err err = {0};
    int fd = new_memfd();

    kit_write("users", "ann:1\n");
    kit_write("empty", "");
    snapshot_record(&s);
    reads(&s, "users", 6, "ann:1\n");
    reads(&s, "empty", 0, "");
    fails(&s, "nothing", 1, -ENOENT);
    assert_int_equal(snapshot_seal(&s, fd, &err), 0);
    kit_write("users", "eve:1\n");
    kit_write("nothing", "something");
    assert_int_equal(unlink("empty"), 0);
    assert_int_equal(snapshot_replay(&s, fd, &err), 0);
    reads(&s, "users", 6, "ann:1\n");
    fails(&s, "users", 5, -EFBIG);
    reads(&s, "empty", 0, "");
    fails(&s, "nothing", 100, -ENOENT);
    kit_write("other", "not in it");
    reads(&s, "other", 100, "not in it");
    snapshot_fini(&s);
    reads(&s, "users", 6, "eve:1\n");
    assert_int_equal(unlink("nothing"), 0);
    close(fd);
}

static void
test_snapshot_reads_a_file_once(void **state)
{
    struct snapshot s;

    kit_write("users", "ann:1\n");
    snapshot_record(&s);
    reads(&s, "users", 6, "ann:1\n");
    kit_write("users", "eve:1\n");
    reads(&s, "users", 6, "ann:1\n");
    snapshot_fini(&s);
}

/* A file that was too large for one reader may not be so for another. */
static void
test_snapshot_keeps_no_limit_of_a_reader(void **state)
{
    struct snapshot s;

    kit_write("users", "ann:1\n");
    snapshot_record(&s);
    fails(&s, "users", 5, -EFBIG);
    reads(&s, "users", 6, "ann:1\n");
    snapshot_fini(&s);
}

static void
test_snapshot_without_one_reads_from_the_disk(void **state)
{
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    kit_write("users", "ann:1\n");
    reads(NULL, "users", 6, "ann:1\n");
    fails(NULL, "users", 5, -EFBIG);
    fails(NULL, "folder", 5, -EISDIR);
    fails(NULL, "fifo", 5, -EINVAL);
    fails(NULL, "nothing", 5, -ENOENT);
    assert_int_equal(rmdir("folder"), 0);
    assert_int_equal(unlink("fifo"), 0);
}

static void
test_snapshot_is_sealed(void **state)
{
    struct snapshot s;
    struct err err = {0};
    int fd = new_memfd();

    kit_write("users", "ann:1\n");
    snapshot_record(&s);
    reads(&s, "users", 6, "ann:1\n");
    assert_int_equal(snapshot_seal(&s, fd, &err), 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    close(fd);
}

static void
refused(const void *data, size_t len, int error, const char *why)
{
    struct snapshot s;
    struct err err = {0};
    int fd = new_memfd();

    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(snapshot_replay(&s, fd, &err), error);
    assert_string_equal(err.text, why);
    fails(&s, "nothing", 1, -ENOENT);
    close(fd);
}

/* Of a snapshot with one file: every shorter one, other versions, other things. */
static void
test_snapshot_refuses_what_is_none(void **state)
{
    char data[4096];
    struct snapshot s;
    struct err err = {0};
    int fd = new_memfd();
    size_t len;

    kit_write("users", "ann:1\n");
    snapshot_record(&s);
    reads(&s, "users", 6, "ann:1\n");
    assert_int_equal(snapshot_seal(&s, fd, &err), 0);
    len = (size_t)pread(fd, data, sizeof(data), 0);
    assert_in_range(len, 32, sizeof(data) - 1);
    close(fd);
    refused(data, 0, -EBADMSG, "it is empty");
    for (size_t cut = 17; cut < len; cut++)
        refused(data, cut, -EBADMSG, "it is damaged");
    data[8]++;
    refused(data, len, -EPROTO, "it has version 2, and this goevd reads 1");
    data[0]++;
    refused(data, len, -EBADMSG, "it is no snapshot");
}

static void
test_snapshot_is_bounded(void **state)
{
    char *text = calloc(1, SNAPSHOT_BYTES_MAX / 2);
    struct snapshot_entry half = {.data = text, .len = SNAPSHOT_BYTES_MAX / 2}, found;
    struct snapshot s;
    struct err err = {0};
    int fd = new_memfd();

    assert_non_null(text);
    snapshot_record(&s);
    snapshot_add(&s, SNAPSHOT_FILE, "one", &half);
    assert_true(snapshot_find(&s, SNAPSHOT_FILE, "one", &found));
    assert_false(snapshot_find(&s, SNAPSHOT_GLOB, "one", &found));
    snapshot_add(&s, SNAPSHOT_FILE, "two", &half);
    assert_false(snapshot_find(&s, SNAPSHOT_FILE, "one", &found));
    assert_int_equal(snapshot_seal(&s, fd, &err), -EFBIG);
    assert_string_equal(err.text, "the files of the configuration have more than 64 MiB together, "
                                  "or memory is short");
    assert_int_equal(snapshot_replay(&s, fd, &(struct err){0}), -EBADMSG);
    close(fd);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snapshot_replays_bytes_and_errors),
        cmocka_unit_test(test_snapshot_reads_a_file_once),
        cmocka_unit_test(test_snapshot_keeps_no_limit_of_a_reader),
        cmocka_unit_test(test_snapshot_without_one_reads_from_the_disk),
        cmocka_unit_test(test_snapshot_is_sealed),
        cmocka_unit_test(test_snapshot_refuses_what_is_none),
        cmocka_unit_test(test_snapshot_is_bounded),
    };

    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
