#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/proxy/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define MAX_BYTES 4096

/* The content of a header in a readable form: "FROM TO", or "nothing". */
static const char *
says(const struct proxy_header *h)
{
    static char text[2 * ADDRESS_TEXT_MAX + 2];
    char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];

    if (!h->told)
        return "nothing";
    snprintf(text, sizeof(text), "%s %s",
             address_format(&h->from.sa, h->from.len, from, sizeof(from)),
             address_format(&h->to.sa, h->to.len, to, sizeof(to)));
    return text;
}

/* In memory that ends with it, so that a read past the end is seen. */
static ssize_t
parse(const void *data, size_t len, size_t max, struct proxy_header *ret)
{
    char *copy = calloc(1, MAX(len, 1));
    ssize_t r;

    if (len > 0)
        memcpy(copy, data, len);
    r = proxy_header_parse(copy, len, max, ret);
    free(copy);
    return r;
}

/* Whole, cut at every byte, and with other bytes behind it. */
static void
reads(const void *data, size_t len, const char *expected)
{
    char behind[MAX_BYTES + 64];
    struct proxy_header h;

    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(parse(data, cut, MAX_BYTES, &h), -EAGAIN);
    assert_int_equal(parse(data, len, MAX_BYTES, &h), len);
    assert_string_equal(says(&h), expected);
    memcpy(behind, data, len);
    memcpy(behind + len, "PROXY TCP4\r\n\r\n", 14);
    assert_int_equal(parse(behind, len + 14, MAX_BYTES, &h), len);
    assert_string_equal(says(&h), expected);
}

/* Once it is whole at the latest, and no more bytes change that. */
static void
refuses(const void *data, size_t len)
{
    struct proxy_header h;
    ssize_t r = -EAGAIN;

    for (size_t cut = 0; cut <= len; cut++) {
        ssize_t next = parse(data, cut, MAX_BYTES, &h);

        assert_true(next == -EBADMSG || (next == -EAGAIN && r == -EAGAIN));
        r = next;
    }
    if (r != -EBADMSG)
        fail_msg("not refused: %.*s", (int)len, (const char *)data);
}

/* ---- Version 1 ------------------------------------------------------------------------------- */

static void
line_reads(const char *line, const char *expected)
{
    reads(line, strlen(line), expected);
}

static void
line_is_refused(const char *line)
{
    refuses(line, strlen(line));
}

static void
test_proxy_header_v1_every_form(void **state)
{
    line_reads("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
               "192.0.2.1:56324 198.51.100.2:443");
    line_reads("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0:0 255.255.255.255:65535");
    line_reads("PROXY TCP6 2001:db8::1 ::1 1 80\r\n", "[2001:db8::1]:1 [::1]:80");
    line_reads("PROXY TCP6 2001:DB8:0:0:0:0:0:AB ::ffff:192.0.2.1 1 2\r\n",
               "[2001:db8::ab]:1 [::ffff:192.0.2.1]:2");
    line_reads("PROXY UNKNOWN\r\n", "nothing");
    line_reads("PROXY UNKNOWN whatever\tthere is \r\n", "nothing");
}

static void
test_proxy_header_v1_has_107_bytes_and_no_more(void **state)
{
    char line[PROXY_HEADER_V1_MAX + 2];
    size_t len;

    line_reads("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
               "nothing");
    for (len = PROXY_HEADER_V1_MAX; len <= PROXY_HEADER_V1_MAX + 1; len++) {
        memset(line, 'x', sizeof(line));
        memcpy(line, "PROXY UNKNOWN ", 14);
        memcpy(line + len - 2, "\r\n", 2);
        if (len == PROXY_HEADER_V1_MAX)
            reads(line, len, "nothing");
        else
            refuses(line, len);
    }
    memset(line + 14, 'x', sizeof(line) - 14);
    refuses(line, PROXY_HEADER_V1_MAX - 1); /* CR LF would not fit any more */
}

static void
test_proxy_header_v1_is_strict(void **state)
{
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4X 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN\rx\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r \n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2\r\n",
        "PROXY TCP4 192.0.2.1\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 ::1 ::1%lo 1 2\r\n",
        "PROXY TCP6 ::1 1:2:3:4:5:6:7:8:9 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 00\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 100000\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 0x1 2\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        line_is_refused(lines[i]);
    refuses("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", 37);
    refuses("PROXY TCP4 192.0.2.1 192.0.2.2 1\0 2\r\n", 37);
    refuses("PROXY UNKNOWN\0\r\n", 16);
}

/* ---- Version 2 ------------------------------------------------------------------------------- */

/* A header of that command and family, with these bytes behind and the length that they have. */
static size_t
build(char *buf, int command, int family, const void *rest, size_t len)
{
    memcpy(buf, SIGNATURE, 12);
    buf[12] = (char)command;
    buf[13] = (char)family;
    buf[14] = (char)(len >> 8);
    buf[15] = (char)len;
    if (len > 0)
        memcpy(buf + 16, rest, len);
    return 16 + len;
}

static void
v2_reads(int command, int family, const void *rest, size_t len, const char *expected)
{
    char header[MAX_BYTES];

    len = build(header, command, family, rest, len);
    reads(header, len, expected);
}

static void
v2_is_refused(int command, int family, const void *rest, size_t len)
{
    char header[MAX_BYTES];

    len = build(header, command, family, rest, len);
    refuses(header, len);
}

#define INET "\300\0\2\1\306\63\144\2\334\4\1\273" /* 192.0.2.1, 198.51.100.2, 56324, 443 */
#define INET6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\120"
#define TLVS "\1\0\2h2\4\0\0\3\0\4\0\0\0\0" /* ALPN, NOOP, CRC32c, which is not verified */

static void
test_proxy_header_v2_every_form(void **state)
{
    char paths[216] = "/from";

    strcpy(paths + 108, "/to");
    v2_reads(0x21, 0x11, INET, 12, "192.0.2.1:56324 198.51.100.2:443");
    v2_reads(0x21, 0x12, INET, 12, "192.0.2.1:56324 198.51.100.2:443");
    v2_reads(0x21, 0x21, INET6, 36, "[2001:db8::1]:1 [::1]:80");
    v2_reads(0x21, 0x22, INET6, 36, "[2001:db8::1]:1 [::1]:80");
    v2_reads(0x21, 0x31, paths, 216, "unix:/from unix:/to");
    v2_reads(0x21, 0x32, paths, 216, "unix:/from unix:/to");
    v2_reads(0x21, 0x00, "", 0, "nothing");
}

static void
test_proxy_header_v2_of_the_proxy_itself_says_nothing(void **state)
{
    v2_reads(0x20, 0x00, "", 0, "nothing");
    v2_reads(0x20, 0x11, INET, 12, "nothing");
    v2_reads(0x20, 0xff, "xyz", 3, "nothing"); /* it may have any content */
}

static void
test_proxy_header_v2_skips_tlvs(void **state)
{
    v2_reads(0x21, 0x11, INET TLVS, 12 + 15, "192.0.2.1:56324 198.51.100.2:443");
    v2_reads(0x21, 0x21, INET6 TLVS, 36 + 15, "[2001:db8::1]:1 [::1]:80");
    v2_reads(0x21, 0x00, TLVS, 15, "nothing");
}

static void
test_proxy_header_v2_is_strict(void **state)
{
    static const int families[] = {0x01, 0x02, 0x03, 0x10, 0x13, 0x20,
                                   0x23, 0x30, 0x33, 0x41, 0x44, 0xff};
    char paths[216] = "";

    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        v2_is_refused(0x21, families[i], paths, 216);
    v2_is_refused(0x22, 0x11, INET, 12); /* command */
    v2_is_refused(0x2f, 0x11, INET, 12);
    v2_is_refused(0x11, 0x11, INET, 12); /* version */
    v2_is_refused(0x31, 0x11, INET, 12);
    refuses("\r\n\r\n\0\r\nQUIX\n", 12);
    refuses("\n", 1);
    refuses("\0", 1);
}

static void
test_proxy_header_v2_length_must_hold_what_it_says(void **state)
{
    char paths[216] = "";

    v2_is_refused(0x21, 0x11, INET, 11);
    v2_is_refused(0x21, 0x21, INET6, 35);
    v2_is_refused(0x21, 0x31, paths, 215);
    v2_is_refused(0x21, 0x11, INET "\1", 13); /* TLVs that end in their middle */
    v2_is_refused(0x21, 0x11, INET "\1\0", 14);
    v2_is_refused(0x21, 0x11, INET "\1\0\1", 15);
    v2_is_refused(0x21, 0x11, INET "\1\377\377x", 16);
    v2_is_refused(0x21, 0x00, "\1\0\1", 3);
}

static void
test_proxy_header_v2_has_a_limit(void **state)
{
    char header[1024], tlv[300] = "\4\1\0";
    struct proxy_header h;
    size_t len = build(header, 0x21, 0x00, tlv, 3 + 256);

    assert_int_equal(parse(header, len, len, &h), len);
    assert_int_equal(parse(header, len, len - 1, &h), -EMSGSIZE);
    assert_int_equal(parse(header, 16, len - 1, &h), -EMSGSIZE); /* as soon as that is certain */
    assert_int_equal(parse(header, 15, len - 1, &h), -EAGAIN);
    memset(header + 14, 0xff, 2);
    assert_int_equal(parse(header, 16, PROXY_HEADER_MAX, &h), -EAGAIN);
    assert_int_equal(parse(header, 16, PROXY_HEADER_MAX - 1, &h), -EMSGSIZE);
}

/* ---- Building -------------------------------------------------------------------------------- */

static struct address
address_of(const char *text)
{
    struct address a;

    assert_int_equal(address_parse(text, &a, NULL), 0);
    return a;
}

static void
check_built(const char *from_text, const char *to_text, const char *line, const char *meaning)
{
    struct address from = address_of(from_text), to = address_of(to_text);
    char *buf = malloc(PROXY_HEADER_WRITE_MAX);
    size_t len = proxy_header_write(1, &from, &to, buf);

    assert_int_equal(len, strlen(line));
    assert_memory_equal(buf, line, len);
    len = proxy_header_write(2, &from, &to, buf);
    assert_true(len <= PROXY_HEADER_WRITE_MAX);
    reads(buf, len, meaning);
    free(buf);
}

static void
test_proxy_header_builds_what_it_reads(void **state)
{
    check_built("192.0.2.1:56324", "198.51.100.2:443",
                "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
                "192.0.2.1:56324 198.51.100.2:443");
    check_built("[2001:db8::1]:1", "[::1]:65535", "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n",
                "[2001:db8::1]:1 [::1]:65535");
    check_built("unix:/from", "unix:/to", "PROXY UNKNOWN\r\n", "unix:/from unix:/to");
}

static void
test_proxy_header_tells_mapped_addresses_as_ipv4(void **state)
{
    check_built("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2",
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "192.0.2.1:1 192.0.2.2:2");
    check_built("192.0.2.1:1", "[::ffff:192.0.2.2]:2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                "192.0.2.1:1 192.0.2.2:2");
}

static void
test_proxy_header_tells_two_ip_families_as_ipv6(void **state)
{
    check_built("192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n",
                "[::ffff:192.0.2.1]:1 [2001:db8::2]:2");
}

static void
test_proxy_header_of_unknown_addresses_says_nothing(void **state)
{
    check_built("192.0.2.1:1", "unix:/to", "PROXY UNKNOWN\r\n", "nothing");
    check_built("unix:/from", "192.0.2.1:1", "PROXY UNKNOWN\r\n", "nothing");
}

static void
test_proxy_header_of_the_longest_addresses_fits(void **state)
{
    char text[5 + 108 + 1] = "unix:/", meaning[260];

    memset(text + 6, 'x', 106); /* the longest path that leaves room for its NUL */
    snprintf(meaning, sizeof(meaning), "%s %s", text, text);
    check_built(text, text, "PROXY UNKNOWN\r\n", meaning);
    check_built("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 "
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy_header_v1_every_form),
        cmocka_unit_test(test_proxy_header_v1_has_107_bytes_and_no_more),
        cmocka_unit_test(test_proxy_header_v1_is_strict),
        cmocka_unit_test(test_proxy_header_v2_every_form),
        cmocka_unit_test(test_proxy_header_v2_of_the_proxy_itself_says_nothing),
        cmocka_unit_test(test_proxy_header_v2_skips_tlvs),
        cmocka_unit_test(test_proxy_header_v2_is_strict),
        cmocka_unit_test(test_proxy_header_v2_length_must_hold_what_it_says),
        cmocka_unit_test(test_proxy_header_v2_has_a_limit),
        cmocka_unit_test(test_proxy_header_builds_what_it_reads),
        cmocka_unit_test(test_proxy_header_tells_mapped_addresses_as_ipv4),
        cmocka_unit_test(test_proxy_header_tells_two_ip_families_as_ipv6),
        cmocka_unit_test(test_proxy_header_of_unknown_addresses_says_nothing),
        cmocka_unit_test(test_proxy_header_of_the_longest_addresses_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
