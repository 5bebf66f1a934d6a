/* Files to read, and the lines that came of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/conf/fake.h"

/* Tests run in a directory of their own, so that errors show plain names. */
static char kit_directory[] = "/tmp/goevd-conf-XXXXXX";

static inline int
kit_setup(void **state)
{
    return mkdtemp(kit_directory) && chdir(kit_directory) == 0 ? 0 : -1;
}

static inline int
kit_teardown(void **state)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", kit_directory);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static inline void
kit_write(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Load goevd.yaml; NULL if it has errors. Their lines, or its dump, in *ret_text. */
static inline struct config *
kit_load(struct fake *fake, char **ret_text)
{
    const struct conf_resolver resolver = fake_resolver(fake);
    struct conf_errors errors = {0};
    struct config *config = NULL;
    size_t size = 0;
    FILE *out = open_memstream(ret_text, &size);
    int r = config_load("goevd.yaml", &resolver, &config, &errors);

    assert_non_null(out);
    assert_int_equal(r == 0, errors.found == 0);
    if (r < 0)
        conf_errors_print(&errors, out);
    else
        assert_int_equal(config_dump(config, out), 0);
    assert_int_equal(fclose(out), 0);
    conf_errors_fini(&errors);
    return config;
}

/* goevd.yaml with this text has exactly these errors. */
static inline void
kit_refused(const char *text, const char *lines)
{
    static struct fake fake;
    char *found = NULL;

    memset(&fake, 0, sizeof(fake));
    kit_write("goevd.yaml", text);
    assert_null(kit_load(&fake, &found));
    assert_string_equal(found, lines);
    free(found);
}

/* Options of the plugin web, within a listener, have exactly these errors. They stand in line 4
 * and are indented by six. */
static inline void
kit_web_refused(const char *options, const char *lines)
{
    char text[4096];

    snprintf(text, sizeof(text), "listeners:\n- address: a\n  handler: {web:\n      %s}\n",
             options);
    kit_refused(text, lines);
}

/* The same, valid; the record lives until kit_done(). */
static struct config *kit_config;

static inline const void *
kit_accepted(struct fake *fake, const char *text)
{
    char *dumped = NULL;

    memset(fake, 0, sizeof(*fake));
    kit_write("goevd.yaml", text);
    kit_config = kit_load(fake, &dumped);
    if (!kit_config)
        print_error("%s", dumped);
    free(dumped);
    assert_non_null(kit_config);
    return fake->options;
}

static inline const struct fake_web *
kit_web_accepted(struct fake *fake, const char *options)
{
    char text[4096];

    snprintf(text, sizeof(text), "listeners:\n- address: a\n  handler: {web:\n      %s}\n",
             options);
    return kit_accepted(fake, text);
}

static inline void
kit_done(void)
{
    config_free(kit_config);
    kit_config = NULL;
}
