#include "plug/loader/object.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#define HASH_END 1U /* bit of the last name in a bucket */

/* The table of symbols, as the dynamic linker uses it. In that of GNU, those that others define
 * come first. */
struct symbols {
    const ElfW(Sym) * all;
    const char *strings;
    const uint32_t *hash; /* buckets, first, bloom words, shift; bloom filter, buckets, chains */
};

int
object_open(struct object *o, const char *path)
{
    o->handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    return o->handle ? 0 : -ENOENT;
}

static const struct link_map *
object_map(const struct object *o)
{
    struct link_map *map = NULL;

    return dlinfo(o->handle, RTLD_DI_LINKMAP, &map) == 0 ? map : NULL;
}

static struct symbols
object_symbols(const struct object *o)
{
    const struct link_map *map = object_map(o);
    struct symbols s = {0};

    for (const ElfW(Dyn) *d = map ? map->l_ld : NULL; d && d->d_tag != DT_NULL; d++) {
        /* glibc has made it an address, but not on every machine. */
        uintptr_t address = d->d_un.d_ptr + (d->d_un.d_ptr < map->l_addr ? map->l_addr : 0);
        const void *at = (const void *)address;

        if (d->d_tag == DT_SYMTAB)
            s.all = at;
        else if (d->d_tag == DT_STRTAB)
            s.strings = at;
        else if (d->d_tag == DT_GNU_HASH)
            s.hash = at;
    }
    return s;
}

static bool
symbol_is_authors(const ElfW(Sym) * symbol, const char *name)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);

    return ELF64_ST_BIND(symbol->st_info) == STB_GLOBAL &&
           (type == STT_FUNC || type == STT_OBJECT) &&
           (name[0] != '_' || strncmp(name, "_Z", 2) == 0);
}

void
object_each_export(const struct object *o, void (*fn)(const char *name, void *arg), void *arg)
{
    const struct symbols s = object_symbols(o);
    const uint32_t *buckets, *chains;

    if (!s.all || !s.strings || !s.hash)
        return;
    buckets = s.hash + 4 + s.hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    chains = buckets + s.hash[0];
    for (uint32_t b = 0; b < s.hash[0]; b++) {
        for (uint32_t i = buckets[b]; i >= MAX(s.hash[1], 1U); i++) {
            const char *name = s.strings + s.all[i].st_name;

            if (symbol_is_authors(&s.all[i], name))
                fn(name, arg);
            if (chains[i - s.hash[1]] & HASH_END)
                break;
        }
    }
}

void
object_each_missing(const struct object *o, void (*fn)(const char *name, void *arg), void *arg)
{
    const struct symbols s = object_symbols(o);

    for (uint32_t i = 1; s.all && s.strings && s.hash && i < s.hash[1]; i++) {
        const char *name = s.strings + s.all[i].st_name;

        if (s.all[i].st_shndx == SHN_UNDEF && ELF64_ST_BIND(s.all[i].st_info) == STB_GLOBAL &&
            !dlsym(o->handle, name) && !dlsym(RTLD_DEFAULT, name))
            fn(name, arg);
    }
}

struct stack {
    const struct link_map *map;
    bool executable;
};

static int
object_look_at_stack(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct stack *stack = arg;

    (void)size;
    if (info->dlpi_addr != stack->map->l_addr || strcmp(info->dlpi_name, stack->map->l_name) != 0)
        return 0;
    stack->executable = true; /* if the object has no note about it */
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_STACK)
            stack->executable = info->dlpi_phdr[i].p_flags & PF_X;
    return 1;
}

bool
object_wants_executable_stack(const struct object *o)
{
    struct stack stack = {.map = object_map(o)};

    if (stack.map)
        dl_iterate_phdr(object_look_at_stack, &stack);
    return stack.executable;
}
