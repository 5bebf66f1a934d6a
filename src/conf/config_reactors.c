#include "conf/config_build.h"

#include <errno.h>

#include "base/cpus.h"
#include "conf/yaml/value.h"

static void
build_reactor_name(struct build *build, size_t i)
{
    const struct config_reactor *reactor = &build->reactors[i];
    size_t before;

    if (!reactor->name.data)
        return;
    if (!build_word_is(reactor->name, LOWER DIGITS "_-"))
        build_error(build, REACTOR_AT(i, "name"), "%s: names are made of a-z, 0-9, _ and -",
                    CONF_QUOTE(reactor->name));
    for (before = 0; before < i; before++) {
        if (!build_is_same(reactor->name, build->reactors[before].name))
            continue;
        build_error(build, REACTOR_AT(i, "name"), "reactors[%zu] has the name %s too", before,
                    CONF_QUOTE(reactor->name));
        return;
    }
}

static void
build_pollers(struct build *build, size_t i)
{
    struct config_reactor *reactor = &build->reactors[i];
    int64_t pollers = 0;

    if (!reactor->pollers_text.data || conf_str_equal(reactor->pollers_text, "auto"))
        return;
    if (value_parse_number(GOEVD_OPTION_INT, reactor->pollers_text, &pollers, NULL) < 0)
        build_error(build, REACTOR_AT(i, "pollers"), "expected a number or auto, found %s",
                    CONF_QUOTE(reactor->pollers_text));
    else if (pollers < 1 || pollers > CONFIG_POLLERS_MAX)
        build_error(build, REACTOR_AT(i, "pollers"), "%s is %s %d", reactor->pollers_text.data,
                    pollers < 1 ? "below" : "above", pollers < 1 ? 1 : CONFIG_POLLERS_MAX);
    else
        reactor->pollers = (unsigned)pollers;
}

/* `4` or `4-7`. */
static bool
build_cpu_range(struct goevd_str text, unsigned long *ret_first, unsigned long *ret_last)
{
    char *end;

    if (!build_word_is(text, DIGITS "-") || text.data[0] == '-' || text.len > 9)
        return false;
    *ret_first = *ret_last = strtoul(text.data, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *ret_last = strtoul(end + 1, &end, 10);
    return *end == '\0' && *ret_first <= *ret_last && *ret_last < CONFIG_CPUS_MAX;
}

/* Append the CPUs of every item to the array, which holds CONFIG_CPUS_MAX. */
static void
build_cpu_list(struct build *build, size_t i, unsigned *cpus)
{
    struct config_reactor *reactor = &build->reactors[i];
    const struct goevd_str *items = reactor->cpus_text.items;
    unsigned long first = 0, last = 0;
    char key[32];
    size_t at;

    for (at = 0; at < reactor->cpus_text.count; at++) {
        if (!items[at].data)
            continue; /* already refused */
        if (!build_cpu_range(items[at], &first, &last)) {
            snprintf(key, sizeof(key), "cpus[%zu]", at);
            build_error(build, REACTOR_AT(i, key),
                        "expected auto, none, or CPUs from 0 to %d as in [0, 1, 4-7]; found %s",
                        CONFIG_CPUS_MAX - 1, CONF_QUOTE(items[at]));
            continue;
        }
        for (; first <= last && reactor->cpu_count < CONFIG_CPUS_MAX; first++)
            cpus[reactor->cpu_count++] = (unsigned)first;
    }
}

static int
build_cpus(struct build *build, size_t i)
{
    struct config_reactor *reactor = &build->reactors[i];
    const struct goevd_str *items = reactor->cpus_text.items;
    unsigned *cpus;

    if (reactor->cpus_text.count == 1 && conf_str_equal(items[0], "auto"))
        return 0;
    if (reactor->cpus_text.count == 1 && conf_str_equal(items[0], "none")) {
        reactor->cpus_mode = CONFIG_CPUS_NONE;
        return 0;
    }
    cpus = arena_alloc_array(&build->config->arena, CONFIG_CPUS_MAX, sizeof(*cpus));
    if (!cpus)
        return -ENOMEM;
    reactor->cpus_mode = CONFIG_CPUS_LIST;
    reactor->cpus = cpus;
    build_cpu_list(build, i, cpus);
    return 0;
}

/* Each `auto` gets a poller for each CPU, as far as those of all reactors are not too many. */
static void
build_auto_pollers(struct build *build)
{
    unsigned count = 0, share;
    size_t i;

    for (i = 0; i < build->config->reactor_count; i++)
        count += build->reactors[i].pollers == 0;
    share = count ? MAX(MIN(cpus_usable(), CONFIG_POLLERS_MAX / count), 1) : 0;
    for (i = 0; i < build->config->reactor_count; i++)
        if (build->reactors[i].pollers == 0)
            build->reactors[i].pollers = share;
}

static void
build_poller_total(struct build *build)
{
    size_t i, total = 0;

    for (i = 0; i < build->config->reactor_count; i++) {
        total += build->reactors[i].pollers;
        if (total <= CONFIG_POLLERS_MAX)
            continue;
        build_error(build, REACTOR_AT(i, "pollers"), "%zu pollers in all are above %d", total,
                    CONFIG_POLLERS_MAX);
        return;
    }
}

int
build_reactors(struct build *build)
{
    const struct goevd_list *list = &build->config->top->reactors;
    size_t i;

    build->reactors =
        arena_copy_array(&build->config->arena, list->items, list->count, sizeof(*build->reactors));
    if (!build->reactors)
        return -ENOMEM;
    build->config->reactors = build->reactors;
    build->config->reactor_count = list->count;
    for (i = 0; i < list->count; i++) {
        build_reactor_name(build, i);
        build_pollers(build, i);
        if (build_cpus(build, i) < 0)
            return -ENOMEM;
    }
    build_auto_pollers(build);
    build_poller_total(build);
    return 0;
}
