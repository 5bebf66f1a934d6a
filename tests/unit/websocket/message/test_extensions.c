/* Offers of permessage-deflate: which are agreed to, with which answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "websocket/message/extensions.h"

#define P "permessage-deflate"

static const struct ws_deflate_policy wide = {15, 15, false}, narrow = {12, 10, true};

static struct goevd_str
str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}

/* The terms of one header, which is good. */
static struct ws_deflate_terms
agreed(const struct ws_deflate_policy *policy, const char *header)
{
    struct ws_deflate_terms terms = {0};

    assert_int_equal(ws_extensions_take(policy, str(header), &terms), 0);
    return terms;
}

static void
test_extensions_answer_names_what_was_offered(void **state)
{
    static const struct {
        const char *offer, *wide, *narrow; /* NULL: declined */
    } cases[] = {
        {P, P, P},
        {P "; client_max_window_bits", P "; client_max_window_bits=15",
         P "; client_max_window_bits=10"},
        {P "; client_max_window_bits=9", P "; client_max_window_bits=9",
         P "; client_max_window_bits=9"},
        {P "; client_max_window_bits=8", P "; client_max_window_bits=8",
         P "; client_max_window_bits=8"},
        {P "; client_max_window_bits=15", P "; client_max_window_bits=15",
         P "; client_max_window_bits=10"},
        {P "; server_max_window_bits=15", P "; server_max_window_bits=15",
         P "; server_max_window_bits=12"},
        {P "; server_max_window_bits=9", P "; server_max_window_bits=9",
         P "; server_max_window_bits=9"},
        {P "; server_max_window_bits=\"10\"", P "; server_max_window_bits=10",
         P "; server_max_window_bits=10"},
        {P "; server_max_window_bits=\"1\\0\"", P "; server_max_window_bits=10",
         P "; server_max_window_bits=10"},
        {P "; server_no_context_takeover", P "; server_no_context_takeover",
         P "; server_no_context_takeover"},
        {P "; client_no_context_takeover", P "; client_no_context_takeover",
         P "; client_no_context_takeover"},
        {"\t" P "\t;\tclient_no_context_takeover;server_max_window_bits = 11 ",
         P "; client_no_context_takeover; server_max_window_bits=11",
         P "; client_no_context_takeover; server_max_window_bits=11"},
        {P "; client_max_window_bits; server_no_context_takeover; server_max_window_bits=14; "
           "client_no_context_takeover",
         P "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=14; "
           "client_max_window_bits=15",
         P "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
           "client_max_window_bits=10"},
        {P "; server_max_window_bits=8", NULL, NULL},
        {P "; server_max_window_bits=8, " P, P, P},
        {P "; unknown, " P "; server_no_context_takeover, " P, P "; server_no_context_takeover",
         P "; server_no_context_takeover"},
        {"x, y; a=1; b=\"c\" , " P "; server_max_window_bits=99,,\t, " P, P, P},
        {P ", " P "; server_no_context_takeover", P, P},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int j = 0; j < 2; j++) {
            const char *wanted = j == 0 ? cases[i].wide : cases[i].narrow;
            struct ws_deflate_terms terms = agreed(j == 0 ? &wide : &narrow, cases[i].offer);
            char answer[WS_EXTENSIONS_ANSWER_MAX];

            assert_int_equal(terms.server_bits != 0, wanted != NULL);
            if (wanted == NULL)
                continue;
            assert_int_equal(ws_extensions_answer(&terms, answer), strlen(wanted));
            assert_string_equal(answer, wanted);
        }
    }
}

static void
test_extensions_terms(void **state)
{
    struct ws_deflate_terms terms = agreed(&narrow, P);

    (void)state;
    assert_true(terms.server_alone && terms.server_bits == 12);
    assert_int_equal(terms.client_bits, 15); /* it was not offered to limit it */
    terms = agreed(&wide, P);
    assert_true(!terms.server_alone && terms.server_bits == 15);
    terms = agreed(&wide, P "; server_no_context_takeover; server_max_window_bits=9");
    assert_true(terms.server_alone && terms.server_bits == 9);
    terms = agreed(&narrow, P "; client_max_window_bits");
    assert_int_equal(terms.client_bits, 10);
}

static void
test_extensions_declines(void **state)
{
    static const char *const parameters[] = {
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=abc",
        "server_max_window_bits=010",
        "server_max_window_bits=-9",
        "server_max_window_bits=100",
        "server_max_window_bits=1",
        "server_max_window_bits=1x",
        "server_max_window_bits=\"9x\"",
        "server_max_window_bits=4294967304",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=0",
        "client_max_window_bits=09",
        "client_max_window_bits=x",
        "server_no_context_takeover=1",
        "client_no_context_takeover=x",
        "unknown",
        "unknown=1",
        "Server_no_context_takeover",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits=10",
        "server_max_window_bits=16; server_max_window_bits=10"};
    static const char *const others[] = {"x", P "x", "x-webkit-deflate-frame", "deflate", ",",
                                         "",  " , ,"};

    (void)state;
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        char offer[256];

        snprintf(offer, sizeof(offer), P "; %s", parameters[i]);
        assert_int_equal(agreed(&wide, offer).server_bits, 0);
        snprintf(offer, sizeof(offer), P "; %s; client_no_context_takeover, " P, parameters[i]);
        assert_int_equal(agreed(&wide, offer).server_bits, 15);
        assert_int_equal(agreed(&wide, offer).named, 0);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(agreed(&wide, others[i]).server_bits, 0);
    assert_int_equal(agreed(&(struct ws_deflate_policy){0}, P).server_bits, 0);
}

static void
test_extensions_malformed(void **state)
{
    static const char *const headers[] = {
        ";",         "=",          P ";",           P "; =1",      P "; a=",    P "; a=\"",
        P "; a=\"b", P "; a=\"\"", P "; a=\"b c\"", P "; a=\"b\\", P "; a b",   P " x",
        "a/b",       P "; a=b=c",  P ", ;",         P "; ; a",     "\"" P "\"", P "; a=\"b\"c"};

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct ws_deflate_terms terms = {0};

        assert_int_equal(ws_extensions_take(&wide, str(headers[i]), &terms), -EBADMSG);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extensions_answer_names_what_was_offered),
        cmocka_unit_test(test_extensions_terms),
        cmocka_unit_test(test_extensions_declines),
        cmocka_unit_test(test_extensions_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
