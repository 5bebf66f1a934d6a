#include "conf/yaml/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/yaml/errors.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* The first of those that divide a value is the one that it is printed in: binary units before
 * decimal ones, large before small. */
static const struct unit value_sizes[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", INT64_C(1000000000000)},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"KB", 1000},
    {"kB", 1000},
    {"B", 1},
    {"", 1},
    {NULL, 0},
};

static const struct unit value_rates[] = {
    {"TiB/s", INT64_C(1) << 40},
    {"GiB/s", 1 << 30},
    {"MiB/s", 1 << 20},
    {"KiB/s", 1 << 10},
    {"TB/s", INT64_C(1000000000000)},
    {"GB/s", 1000000000},
    {"MB/s", 1000000},
    {"KB/s", 1000},
    {"kB/s", 1000},
    {"B/s", 1},
    {NULL, 0},
};

static const struct unit value_durations[] = {
    {"d", INT64_C(86400000000000)},
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
    {NULL, 0},
};

static const struct unit value_ints[] = {{"", 1}, {NULL, 0}};

static const struct unit *
value_units(enum goevd_option_type type)
{
    switch (type) {
    case GOEVD_OPTION_SIZE:
        return value_sizes;
    case GOEVD_OPTION_DURATION:
        return value_durations;
    case GOEVD_OPTION_RATE:
        return value_rates;
    default:
        return value_ints;
    }
}

static const char *
value_unit_names(enum goevd_option_type type)
{
    switch (type) {
    case GOEVD_OPTION_SIZE:
        return "B, KB, KiB, MB, MiB, GB, GiB, TB or TiB";
    case GOEVD_OPTION_DURATION:
        return "ns, us, ms, s, m, h or d";
    default:
        return "B/s, KB/s, KiB/s, MB/s, MiB/s, GB/s, GiB/s, TB/s or TiB/s";
    }
}

const char *
value_words(enum goevd_option_type type)
{
    switch (type) {
    case GOEVD_OPTION_BOOL:
        return "true or false";
    case GOEVD_OPTION_INT:
        return "an integer";
    case GOEVD_OPTION_SIZE:
        return "a size such as 64KiB";
    case GOEVD_OPTION_DURATION:
        return "a duration such as 75s or 1500ms";
    case GOEVD_OPTION_RATE:
        return "a rate such as 100KiB/s";
    case GOEVD_OPTION_STRING:
        return "a text";
    case GOEVD_OPTION_ENUM:
        return "a word";
    case GOEVD_OPTION_RECORD:
        return "a map";
    case GOEVD_OPTION_LIST:
        return "a list";
    case GOEVD_OPTION_MAP:
        return "a map of names to texts";
    case GOEVD_OPTION_PLUGIN:
        return "a plugin's name, or its name with its options beneath";
    default:
        return "nothing";
    }
}

static bool
value_is(struct goevd_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

int
value_parse_bool(struct goevd_str text, bool *ret_value, struct err *reterr)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++) {
        if (!value_is(text, words[i]))
            continue;
        *ret_value = i % 2 == 1;
        return 0;
    }
    return err_set(reterr, -EINVAL, "expected true or false, found %s", CONF_QUOTE(text));
}

/* Digits after an optional sign. Returns the bytes taken, 0 where there are no digits, -ERANGE. */
static int
value_digits(struct goevd_str text, int64_t *ret_value)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t begin = text.len > 0 && (negative || text.data[0] == '+') ? 1 : 0, i;
    int64_t value = 0;
    int digit;

    for (i = begin; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        digit = text.data[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return -ERANGE;
    }
    *ret_value = value;
    return i > begin ? (int)i : 0;
}

static const struct unit *
value_unit_find(enum goevd_option_type type, const char *name)
{
    const struct unit *unit;

    for (unit = value_units(type); unit->name; unit++) {
        if (strcmp(unit->name, name) == 0)
            return unit;
    }
    return NULL;
}

static int
value_unit_refuse(enum goevd_option_type type, struct goevd_str text, size_t digits,
                  struct err *reterr)
{
    struct goevd_str rest = {text.data + digits, text.len - digits};

    if (type == GOEVD_OPTION_INT)
        return err_set(reterr, -EINVAL, "expected an integer, found %s", CONF_QUOTE(text));
    if (rest.len == 0)
        return err_set(reterr, -EINVAL, "%s has no unit: add %s", CONF_QUOTE(text),
                       value_unit_names(type));
    if (rest.data[0] == '.')
        return err_set(reterr, -EINVAL, "%s is no whole number: write it in a smaller unit",
                       CONF_QUOTE(text));
    return err_set(reterr, -EINVAL, "%s in %s is no unit: use %s", CONF_QUOTE(rest),
                   CONF_QUOTE(text), value_unit_names(type));
}

/* Past the digits come spaces and the unit. */
static const char *
value_skip_spaces(const char *text)
{
    while (*text == ' ')
        text++;
    return text;
}

int
value_parse_number(enum goevd_option_type type, struct goevd_str text, int64_t *ret_value,
                   struct err *reterr)
{
    const struct unit *unit;
    int64_t value = 0;
    int digits = value_digits(text, &value);

    if (digits == 0 || (value < 0 && type != GOEVD_OPTION_INT))
        return err_set(reterr, -EINVAL, "expected %s, found %s", value_words(type),
                       CONF_QUOTE(text));
    if (digits > 0) {
        /* Nothing is nothing in every unit. */
        if (value == 0 && (size_t)digits == text.len) {
            *ret_value = 0;
            return 0;
        }
        unit = value_unit_find(type, value_skip_spaces(text.data + digits));
        if (!unit)
            return value_unit_refuse(type, text, (size_t)digits, reterr);
        if (!__builtin_mul_overflow(value, unit->factor, &value)) {
            *ret_value = value;
            return 0;
        }
    }
    return err_set(reterr, -ERANGE, "%s is too large a number", CONF_QUOTE(text));
}

static struct value_text
value_print(int64_t value, const struct unit *unit)
{
    struct value_text text;

    snprintf(text.text, sizeof(text.text), "%" PRId64 "%s", value / unit->factor, unit->name);
    return text;
}

struct value_text
value_format(enum goevd_option_type type, int64_t value)
{
    static const struct unit plain = {"", 1};
    const struct unit *unit;

    if (value == 0)
        return value_print(0, &plain);
    for (unit = value_units(type); unit->factor > 1; unit++) {
        if (value % unit->factor == 0)
            return value_print(value, unit);
    }
    /* Bytes need no unit. */
    return value_print(value, type == GOEVD_OPTION_SIZE ? &plain : unit);
}

struct value_text
value_format_like(enum goevd_option_type type, int64_t value, struct goevd_str like)
{
    const struct unit *unit = NULL;
    int64_t ignored;
    int digits = value_digits(like, &ignored);

    if (digits > 0)
        unit = value_unit_find(type, value_skip_spaces(like.data + digits));
    if (!unit || value == 0 || value % unit->factor != 0)
        return value_format(type, value);
    return value_print(value, unit);
}

const char *
value_text(const struct goevd_option *option, const void *slot, struct value_text *buf)
{
    const struct goevd_str *str = slot;
    const int64_t *number = slot;
    const bool *truth = slot;
    const int *choice = slot;

    switch (option->type) {
    case GOEVD_OPTION_BOOL:
        return *truth ? "true" : "false";
    case GOEVD_OPTION_STRING:
        return str->data ? str->data : "";
    case GOEVD_OPTION_ENUM:
        return option->choices[*choice];
    default:
        *buf = value_format(option->type, *number);
        return buf->text;
    }
}
