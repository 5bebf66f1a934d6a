/* The corpus of raw requests: each gets its verdict sent whole, cut at every byte, in pieces,
 * behind a good request, and before one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/message/util.h"
#include "unit/http/http_corpus.h"
#include "unit/http/http_host.h"

#define CASES_MIN 500
#define VERDICT_MAX 256

static const char good[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct http_options_respond hello = {.status = 200, .body = STR("Hello, World!")};
static const struct http_options_respond empty = {.status = 204};
static const struct http_options_respond same = {.status = 304};
static const struct http_options_redirect to_root = {.to = STR("/"), .status = 3};
static const int post[] = {2};

static const struct http_options_route routes[] = {
    {.path = STR("/"), .respond = &hello},
    {.path = STR("/plaintext"), .respond = &hello},
    {.path = STR("/sub/*"), .respond = &hello},
    {.path = STR("/empty"), .respond = &empty},
    {.path = STR("/same"), .respond = &same},
    {.path = STR("/old"), .redirect = &to_root},
    {.path = STR("/form"), .methods = {post, 1}, .respond = &hello},
};

/* Where the reply after this one begins; NULL if this one is not whole. */
static const char *
reply_end(const char *reply, const char *end)
{
    const char *head = memmem(reply, (size_t)(end - reply), "\r\n\r\n", 4);
    const char *field = memmem(reply, (size_t)(end - reply), "Content-Length: ", 16);
    size_t body = 0;

    if (head == NULL)
        return NULL;
    head += 4;
    if (field != NULL && field < head)
        body = strtoul(field + 16, NULL, 10);
    /* to HEAD there is none */
    if (head == end || memcmp(head, "HTTP/1.1 ", 9) == 0)
        return head;
    return (size_t)(end - head) < body ? NULL : head + body;
}

/* The verdict of the connection, in the words of the corpus. */
static void
verdict_of(const struct goevd_conn *c, char to[VERDICT_MAX])
{
    const char *p = c->out;
    const char *end = c->out == NULL ? NULL : c->out + c->out_len;
    size_t n = 0;

    to[0] = '\0';
    while (p != NULL && p < end && n < VERDICT_MAX - 16) {
        if (end - p < 12 || memcmp(p, "HTTP/1.1 ", 9) != 0)
            fail_msg("no reply begins here: %.*s", (int)(end - p), p);
        n += (size_t)snprintf(to + n, VERDICT_MAX - n, "%s%.3s", n == 0 ? "" : " ", p + 9);
        p = reply_end(p, end);
        if (p == NULL)
            fail_msg("half a reply after %s", to);
    }
    if (c->closed)
        snprintf(to + n, VERDICT_MAX - n, "%sclose", n == 0 ? "" : " ");
    else if (c->in_len != 0 || c->deadline != 0)
        snprintf(to + n, VERDICT_MAX - n, "%smore", n == 0 ? "" : " ");
}

static bool
ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);

    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

struct corpus_run {
    struct http_host host;
    unsigned wrong;
};

/* A case with good requests around it, in pieces of that size. */
static void
check(struct corpus_run *run, const struct http_corpus_case *k, const char *before,
      const char *after, size_t piece)
{
    bool goes_on = !ends_with(k->verdict, "close");
    char wanted[VERDICT_MAX];
    char got[VERDICT_MAX];
    struct goevd_conn c;
    char *all = malloc(strlen(before) + k->len + strlen(after) + 1);
    size_t n = strlen(before);

    assert_non_null(all);
    memcpy(all, before, n);
    memcpy(all + n, k->data, k->len);
    n += k->len;
    memcpy(all + n, after, strlen(after));
    n += strlen(after);
    snprintf(wanted, sizeof(wanted), "%s%s%s", *before != '\0' ? "200 " : "", k->verdict,
             *after != '\0' && goes_on ? " 200" : "");
    http_conn_init(&c, &run->host);
    http_conn_feed_cut(&c, all, n, MIN(piece, n));
    verdict_of(&c, got);
    if (strcmp(got, wanted) != 0) {
        print_error("%s: %s, %s%sin pieces of %zu: %s instead of %s\n", k->file, k->name,
                    *before != '\0' ? "behind a good request, " : "",
                    *after != '\0' ? "before a good request, " : "", MIN(piece, n), got, wanted);
        run->wrong++;
    }
    http_conn_fini(&c);
    free(all);
}

static void
check_case(void *run, const struct http_corpus_case *k)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 7, 31};

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        check(run, k, "", "", pieces[i]);
        check(run, k, good, "", pieces[i]);
        if (ends_with(k->verdict, "more"))
            continue;
        check(run, k, "", good, pieces[i]);
        check(run, k, good, good, pieces[i]);
    }
}

static void
test_http_corpus_gets_its_verdicts_however_it_is_cut(void **state)
{
    struct http_options o = http_host_options(routes, ARRAY_LEN(routes));
    struct corpus_run run = {.wrong = 0};

    (void)state;
    assert_int_equal(http_host_init(&run.host, &o), 0);
    assert_true(http_corpus_each(check_case, &run) >= CASES_MIN);
    assert_int_equal(run.wrong, 0);
    http_host_fini(&run.host);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_corpus_gets_its_verdicts_however_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
