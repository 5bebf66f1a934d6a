/* Configuration files: bytes in, a configuration or errors out. A valid one must also dump to
 * something that is valid. */
#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/conf/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory, with its name; closed by the caller. */
static int
fuzz_file(const void *data, size_t size, char *name, size_t name_size)
{
    int fd = memfd_create("config", MFD_CLOEXEC);

    assert(fd >= 0);
    assert(write(fd, data, size) == (ssize_t)size);
    assert(lseek(fd, 0, SEEK_SET) == 0);
    snprintf(name, name_size, "/proc/self/fd/%d", fd);
    return fd;
}

/* Load it; where it is valid, dump it into *ret_text, which the caller frees. */
static bool
fuzz_load(const void *data, size_t size, char **ret_text, size_t *ret_size)
{
    static struct fake fake;
    const struct conf_resolver resolver = fake_resolver(&fake);
    struct conf_errors errors = {0};
    struct config *config = NULL;
    char name[64];
    FILE *out = open_memstream(ret_text, ret_size);
    int fd = fuzz_file(data, size, name, sizeof(name)), r;

    assert(out);
    memset(&fake, 0, sizeof(fake));
    r = config_load(name, &resolver, &config, &errors);
    assert((r == 0) == (errors.found == 0));
    if (r == 0)
        assert(config_dump(config, out) == 0);
    else
        conf_errors_print(&errors, out);
    fclose(out);
    config_free(config);
    conf_errors_fini(&errors);
    close(fd);
    return r == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t text_size = 0, again_size = 0;
    char *text = NULL, *again = NULL;

    if (fuzz_load(data, size, &text, &text_size)) {
        assert(fuzz_load(text, text_size, &again, &again_size));
        assert(text_size == again_size && memcmp(text, again, text_size) == 0);
        free(again);
    }
    free(text);
    return 0;
}
