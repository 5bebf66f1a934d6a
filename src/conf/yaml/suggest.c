#include "conf/yaml/suggest.h"

#include <ctype.h>

static bool
suggest_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* One cell of the table: the cheapest of deleting, inserting, replacing, swapping. `row` holds
 * the present row up to j - 1, `above` and `above2` the two before it. */
static size_t
suggest_cell(struct goevd_str a, struct goevd_str b, size_t i, size_t j,
             size_t rows[3][SUGGEST_NAME_MAX + 1])
{
    const size_t *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
    size_t best = MIN(above[j], rows[i % 3][j - 1]) + 1;

    best = MIN(best, above[j - 1] + (suggest_same(a.data[i - 1], b.data[j - 1]) ? 0 : 1));
    if (i > 1 && j > 1 && suggest_same(a.data[i - 1], b.data[j - 2]) &&
        suggest_same(a.data[i - 2], b.data[j - 1]))
        best = MIN(best, above2[j - 2] + 1);
    return best;
}

size_t
suggest_distance(struct goevd_str a, struct goevd_str b)
{
    size_t rows[3][SUGGEST_NAME_MAX + 1];
    size_t i, j;

    if (a.len > SUGGEST_NAME_MAX || b.len > SUGGEST_NAME_MAX)
        return MAX(a.len, b.len);
    for (j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (i = 1; i <= a.len; i++) {
        rows[i % 3][0] = i;
        for (j = 1; j <= b.len; j++)
            rows[i % 3][j] = suggest_cell(a, b, i, j, rows);
    }
    return rows[a.len % 3][b.len];
}

void
suggest_init(struct suggest *suggest, struct goevd_str name)
{
    /* One slip in three letters still looks like the same word; more is another word. */
    *suggest = (struct suggest){.name = name, .best_distance = name.len / 3 + 1};
}

void
suggest_offer(struct suggest *suggest, struct goevd_str candidate)
{
    size_t longer = MAX(suggest->name.len, candidate.len);
    size_t distance = longer - MIN(suggest->name.len, candidate.len);

    if (distance >= suggest->best_distance)
        return;
    distance = suggest_distance(suggest->name, candidate);

    /* As far apart as they are long: nothing in common. */
    if (distance >= suggest->best_distance || distance >= candidate.len)
        return;
    suggest->best = candidate;
    suggest->best_distance = distance;
}
