#include "download/bytes/condition.h"

#include <locale.h>
#include <strings.h>
#include <time.h>

/* The longest form of a date: "Wednesday, 09-Nov-94 08:49:37 GMT". */
#define DATE_MAX 34

/* A date that is newer than this may stand for two versions of the file, section 8.8.2.2. */
#define DATE_STRONG_S 1

/* ---- Dates ----------------------------------------------------------------------------------- */

/* The C locale, because names of days and months depend on the locale. Needs no memory. */
static locale_t
dl_condition_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

void
dl_condition_date_format(int64_t seconds, char ret_date[DL_CONDITION_DATE_LEN + 1])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm) ||
        strftime_l(ret_date, DL_CONDITION_DATE_LEN + 1, "%a, %d %b %Y %H:%M:%S GMT", &tm,
                   dl_condition_locale()) != DL_CONDITION_DATE_LEN)
        memcpy(ret_date, "Thu, 01 Jan 1970 00:00:00 GMT", DL_CONDITION_DATE_LEN + 1);
}

bool
dl_condition_date_parse(struct goevd_str text, int64_t *ret_seconds)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char copy[DATE_MAX];

    if (!text.data || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *end = strptime_l(copy, forms[i], &tm, dl_condition_locale());

        if (end == copy + text.len) {
            *ret_seconds = timegm(&tm);
            return true;
        }
    }
    return false;
}

static bool
dl_condition_equal(struct goevd_str a, struct goevd_str b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Whether the file is not newer than the date; `otherwise` if the date is malformed. */
static bool
dl_condition_not_after(const struct dl_condition_file *file, struct goevd_str date, bool otherwise)
{
    int64_t seconds;

    if (dl_condition_equal(date, file->modified))
        return true;
    return dl_condition_date_parse(date, &seconds) ? file->modified_s <= seconds : otherwise;
}

/* ---- Entity tags ----------------------------------------------------------------------------- */

/* Length of the entity tag at the beginning, with W/ and quotes; 0: no tag. */
static size_t
dl_condition_tag_len(const char *at, size_t len)
{
    size_t begin = len >= 2 && at[0] == 'W' && at[1] == '/' ? 2 : 0;
    const char *quote;

    if (len <= begin || at[begin] != '"')
        return 0;
    quote = memchr(at + begin + 1, '"', len - begin - 1);
    return quote ? (size_t)(quote - at) + 1 : 0;
}

/* Whether a list of entity tags, or "*", contains the file's tag. Ends at the first malformed tag.
 *
 * weak     Weak tags match, too, section 8.8.3.2.
 */
static bool
dl_condition_has_tag(struct goevd_str list, struct goevd_str etag, bool weak)
{
    const char *at = list.data, *end = list.data + list.len;
    size_t len;

    if (list.len == 1 && *at == '*')
        return true;
    for (; at < end; at += len) {
        while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
            at++;
        len = dl_condition_tag_len(at, (size_t)(end - at));
        if (len == 0)
            return false;
        if (dl_condition_equal((struct goevd_str){at, len}, etag))
            return true;
        if (weak && len > 2 && *at == 'W' &&
            dl_condition_equal((struct goevd_str){at + 2, len - 2}, etag))
            return true;
    }
    return false;
}

/* ---- Headers --------------------------------------------------------------------------------- */

static bool
dl_condition_named(struct goevd_str name, const char *wanted, size_t len)
{
    return name.len == len && strncasecmp(name.data, wanted, len) == 0;
}

#define NAMED(name, wanted) dl_condition_named((name), (wanted), sizeof(wanted) - 1)

void
dl_condition_header(struct dl_condition *c, const struct dl_condition_file *file,
                    struct goevd_str name, struct goevd_str value)
{
    char first = name.len > 4 ? (char)(name.data[0] | 0x20) : '\0';

    if (first == 'r' && NAMED(name, "range")) {
        c->range_twice = c->range.data;
        c->range = value;
    } else if (first != 'i' || (name.data[1] | 0x20) != 'f' || name.data[2] != '-') {
        return;
    } else if (NAMED(name, "if-match")) {
        c->if_match = true;
        c->if_match_holds |= dl_condition_has_tag(value, file->etag, false);
    } else if (NAMED(name, "if-none-match")) {
        c->if_none_match = true;
        c->if_none_match_holds |= dl_condition_has_tag(value, file->etag, true);
    } else if (NAMED(name, "if-modified-since")) {
        c->if_modified_since = value;
    } else if (NAMED(name, "if-unmodified-since")) {
        c->if_unmodified_since = value;
    } else if (NAMED(name, "if-range")) {
        c->if_range = value;
    }
}

enum dl_condition_result
dl_condition_check(const struct dl_condition *c, const struct dl_condition_file *file)
{
    if (c->if_match && !c->if_match_holds)
        return DL_CONDITION_FAILED;
    if (!c->if_match && c->if_unmodified_since.data &&
        !dl_condition_not_after(file, c->if_unmodified_since, true))
        return DL_CONDITION_FAILED;
    if (c->if_none_match && c->if_none_match_holds)
        return DL_CONDITION_NOT_MODIFIED;
    if (!c->if_none_match && c->if_modified_since.data &&
        dl_condition_not_after(file, c->if_modified_since, false))
        return DL_CONDITION_NOT_MODIFIED;
    return DL_CONDITION_HOLDS;
}

static bool
dl_condition_if_range_holds(const struct dl_condition *c, const struct dl_condition_file *file,
                            int64_t now_s)
{
    if (!c->if_range.data || dl_condition_equal(c->if_range, file->etag))
        return true;
    return dl_condition_equal(c->if_range, file->modified) &&
           file->modified_s + DATE_STRONG_S <= now_s;
}

struct goevd_str
dl_condition_range(const struct dl_condition *c, const struct dl_condition_file *file,
                   int64_t now_s)
{
    if (c->range_twice || !dl_condition_if_range_holds(c, file, now_s))
        return (struct goevd_str){0};
    return c->range;
}
