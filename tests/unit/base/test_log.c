#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

static int file; /* the log's */
static char content[1 << 20];

static void
use(enum log_format format)
{
    log_init("me", LOG_NOTICE);
    log_configure(&(struct log_config){.target = LOG_TO_FILE, .format = format, .fd = file});
}

static int
setup(void **state)
{
    char path[] = "/tmp/goevd-log-XXXXXX";

    signal(SIGXFSZ, SIG_IGN);
    file = mkostemp(path, O_APPEND | O_CLOEXEC);
    unlink(path);
    return file < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
    log_init("me", LOG_NOTICE);
    return close(file);
}

/* The lines written since the last call. */
static const char *
written(void)
{
    ssize_t n = pread(file, content, sizeof(content) - 1, 0);

    assert_true(n >= 0);
    content[n] = '\0';
    assert_int_equal(ftruncate(file, 0), 0);
    return content;
}

/* `%` in the pattern is a run of anything but a newline. */
static bool
like(const char *text, const char *pattern)
{
    if (*pattern == '%')
        return like(text, pattern + 1) || (*text && *text != '\n' && like(text + 1, pattern));
    return *text == *pattern && (!*text || like(text + 1, pattern + 1));
}

static void
assert_like(const char *text, const char *pattern)
{
    if (!like(text, pattern))
        fail_msg("not like %s: %s", pattern, text);
}

static const struct log_about about = {"echo", "web", "[::1]:80", UINT64_C(0x2a00c3f1), false};
static const struct log_about about_plugin = {.plugin = "a\"b\n=\\"};
static const struct log_about about_named = {.listener = "web", .named = true};

static void
test_log_text_names_whom_it_is_about(void **state)
{
    use(LOG_TEXT);
    log_error("plain %d", 7);
    assert_like(written(), "%Z error me: plain 7\n");
    log_about(&about, LOG_WARNING, "hot");
    assert_like(written(),
                "%Z warning me: echo: listener web: client [::1]:80 (0x2a00c3f1): hot\n");
    log_about(&about_named, LOG_NOTICE, "the listener web");
    assert_like(written(), "%Z notice me: the listener web\n");
    log_info("not wanted");
    log_set_level(LOG_INFO);
    log_info("wanted");
    assert_like(written(), "%Z info me: wanted\n");
}

static void
test_log_keys_have_values(void **state)
{
    use(LOG_KEYVALUE);
    log_error("plain");
    assert_like(written(), "time=%Z level=error pid=% msg=plain\n");
    log_about(&about, LOG_NOTICE, "two words");
    assert_like(written(), "time=%Z level=notice pid=% plugin=echo listener=web client=[::1]:80 "
                           "connection=0x2a00c3f1 msg=\"two words\"\n");
    log_about(&about_plugin, LOG_NOTICE, "a=b");
    assert_like(written(), "time=%Z level=notice pid=% plugin=\"a\\\"b\\n=\\\\\" msg=\"a=b\"\n");
}

static void
test_log_json_is_an_object(void **state)
{
    use(LOG_JSON);
    log_about(&about, LOG_NOTICE, "say \"%s\"", "\x1b[1m\xff");
    assert_like(written(), "{\"time\":\"%Z\",\"level\":\"notice\",\"pid\":%,\"plugin\":\"echo\","
                           "\"listener\":\"web\",\"client\":\"[::1]:80\",\"connection\":"
                           "\"0x2a00c3f1\",\"msg\":\"say \\\"\\u001b[1m\xef\xbf\xbd\\\"\"}\n");
    log_about(&about_plugin, LOG_ERR, "%s", "");
    assert_like(written(), "{\"time\":\"%\",\"level\":\"error\",\"pid\":%,\"plugin\":\"a\\\"b\\n="
                           "\\\\\",\"msg\":\"\"}\n");
}

/* Whatever it holds, a line is one line, of the length that a pipe takes in one piece. */
static void
test_log_line_is_one_line_and_ends(void **state)
{
    static const char *const bytes[] = {"\n", "\"", "\x01", "\xff", "x", "\xc3\xa4"};
    char text[3 * LOG_TEXT_MAX];

    for (int format = LOG_TEXT; format <= LOG_JSON; format++)
        for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
            const char *line;

            text[0] = '\0';
            for (size_t n = 0; n < LOG_TEXT_MAX + 9; n++)
                strcat(text + n * strlen(bytes[i]), bytes[i]);
            use((enum log_format)format);
            log_about(&about, LOG_ERR, "%s", text);
            line = written();
            assert_true(strlen(line) <= LOG_LINE_MAX);
            assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
            if (format == LOG_JSON)
                assert_string_equal(line + strlen(line) - 3, "\"}\n");
        }
}

static void
test_log_drops_what_a_full_disk_refuses_and_says_so(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), copy = dup(file);
    uint64_t before = log_dropped();

    use(LOG_TEXT);
    assert_int_equal(log_begin_file(full, LOG_TEXT), -ENOSPC);
    assert_int_equal(log_replace_file(full), 0);
    errno = 99;
    log_error("lost");
    log_error("lost too");
    assert_int_equal(errno, 99);
    assert_int_equal(log_dropped() - before, 2);
    assert_int_equal(log_replace_file(copy), 0);
    log_error("there");
    log_error("again");
    assert_like(written(), "%Z error me: there\n%Z warning me: lines of the log that could not be "
                           "written are lost: 2\n%Z error me: again\n");
    assert_int_equal(log_dropped() - before, 2);
    close(full);
    close(copy);
}

/* A disk that fills up in the middle of a line. */
static void
test_log_line_behind_half_a_line_begins_anew(void **state)
{
    struct rlimit all, some;

    use(LOG_TEXT);
    getrlimit(RLIMIT_FSIZE, &all);
    some = (struct rlimit){.rlim_cur = 10, .rlim_max = all.rlim_max};
    setrlimit(RLIMIT_FSIZE, &some);
    log_error("torn");
    log_error("lost");
    setrlimit(RLIMIT_FSIZE, &all);
    log_error("whole");
    assert_like(written(),
                "20%-%-%\n%Z error me: whole\n%Z warning me: lines of the log that could "
                "not be written are lost: 2\n");
}

static void
test_log_waits_for_nobody(void **state)
{
    char room[LOG_LINE_MAX] = "";
    uint64_t before = log_dropped();
    struct pollfd writable = {.events = POLLOUT};
    int ends[2], copy = dup(file);

    use(LOG_TEXT);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    writable.fd = ends[1];
    while (poll(&writable, 1, 0) > 0)
        assert_int_equal(write(ends[1], room, sizeof(room)), sizeof(room));
    assert_int_equal(log_replace_file(ends[1]), 0);
    log_error("lost");
    assert_int_equal(log_dropped() - before, 1);
    assert_int_equal(log_replace_file(copy), 0);
    log_error("there");
    assert_like(written(), "%there\n%are lost: 1\n");
    close(ends[0]);
    close(ends[1]);
    close(copy);
}

/* The next line may come hours later. */
static void
test_log_reports_lost_lines_without_another_line(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), copy = dup(file);
    int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t before = log_dropped();
    eventfd_t woken = 0;

    use(LOG_TEXT);
    log_set_wake_fd(wake);
    log_report_lost();
    assert_false(log_has_lost());
    assert_int_equal(log_replace_file(full), 0);
    log_error("lost");
    log_error("lost too");
    log_report_lost();
    log_report_lost();
    assert_true(log_has_lost());
    assert_int_equal(eventfd_read(wake, &woken), 0);
    assert_int_equal(woken, 1);
    assert_int_equal(log_replace_file(copy), 0);
    log_report_lost();
    assert_like(written(),
                "%Z warning me: lines of the log that could not be written are lost: 2\n");
    assert_false(log_has_lost());
    assert_int_equal(log_dropped() - before, 2);
    log_set_wake_fd(-1);
    close(wake);
    close(full);
    close(copy);
}

/* ---- Rotation -------------------------------------------------------------------------------- */

#define WRITERS 4
#define LINES 2000
#define FILES 50

static void *
writer(void *arg)
{
    int number = (int)(uintptr_t)arg;

    for (int i = 0; i < LINES; i++)
        log_error("writer %d line %d.", number, i);
    return NULL;
}

static void
count_lines(int fd, unsigned char seen[WRITERS][LINES])
{
    FILE *in = fdopen(dup(fd), "r");
    char line[256];
    int number, i;

    rewind(in);
    while (fgets(line, sizeof(line), in)) {
        assert_int_equal(sscanf(line, "%*s error me: writer %d line %d.", &number, &i), 2);
        seen[number][i]++;
    }
    fclose(in);
}

static void
test_log_loses_no_line_when_its_file_is_replaced(void **state)
{
    static unsigned char seen[WRITERS][LINES];
    pthread_t threads[WRITERS];
    int files[FILES] = {dup(file)};

    use(LOG_TEXT);
    for (uintptr_t i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, writer, (void *)i);
    for (int i = 1; i < FILES; i++) {
        char path[] = "/tmp/goevd-log-XXXXXX";

        files[i] = mkostemp(path, O_APPEND | O_CLOEXEC);
        assert_true(files[i] >= 0);
        unlink(path);
        assert_int_equal(log_replace_file(files[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < FILES; i++) {
        count_lines(files[i], seen);
        close(files[i]);
    }
    for (size_t i = 0; i < WRITERS; i++)
        for (size_t n = 0; n < LINES; n++)
            assert_int_equal(seen[i][n], 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_text_names_whom_it_is_about, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_keys_have_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_json_is_an_object, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_line_is_one_line_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_drops_what_a_full_disk_refuses_and_says_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_line_behind_half_a_line_begins_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_waits_for_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_reports_lost_lines_without_another_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log_loses_no_line_when_its_file_is_replaced, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
