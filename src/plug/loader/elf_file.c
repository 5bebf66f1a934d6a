#include "plug/loader/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define ELF_SELF "/proc/self/exe"

/* 0; -EAGAIN if the file ends before, or a negative errno. */
static int
elf_file_read(int fd, void *buf, size_t len, uint64_t offset)
{
    ssize_t n = pread(fd, buf, len, (off_t)offset);

    return n < 0 ? -errno : (size_t)n < len ? -EAGAIN : 0;
}

/* Without /proc nothing is known, and dlopen(3) decides. */
static bool
elf_file_is_ours(const ElfW(Ehdr) * head)
{
    ElfW(Ehdr) own;
    _cleanup_fd_ int fd = open(ELF_SELF, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || elf_file_read(fd, &own, sizeof(own), 0) < 0)
        return true;
    return head->e_machine == own.e_machine && head->e_ident[EI_CLASS] == own.e_ident[EI_CLASS] &&
           head->e_ident[EI_DATA] == own.e_ident[EI_DATA];
}

/* 0; -EAGAIN if the file ends before a segment that is loaded; a negative errno. */
static int
elf_file_segments(int fd, const ElfW(Ehdr) * head, uint64_t size)
{
    for (unsigned i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) segment;
        int r = elf_file_read(fd, &segment, sizeof(segment),
                              head->e_phoff + (uint64_t)i * head->e_phentsize);

        if (r < 0)
            return r;
        if (segment.p_type == PT_LOAD &&
            (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
            return -EAGAIN;
    }
    return 0;
}

static int
elf_file_look(int fd, const char *path, uint64_t size, struct err *reterr)
{
    ElfW(Ehdr) head = {0};
    int r = elf_file_read(fd, &head, sizeof(head), 0);

    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return err_set(reterr, -ENOEXEC,
                       "%s is not a shared object (no ELF header); build it with cc -shared -fPIC",
                       path);
    if (r == 0 && !elf_file_is_ours(&head))
        return err_set(reterr, -ENOEXEC,
                       "%s was built for another machine than this goevd; build it for this one",
                       path);
    if (r == 0)
        r = elf_file_segments(fd, &head, size);
    if (r == -EAGAIN)
        return err_set(reterr, -ENOEXEC,
                       "%s ends before its last segment; copy the whole file again", path);
    return r < 0 ? err_set_errno(reterr, r, "cannot read %s", path) : 0;
}

int
elf_file_open(const char *path, struct err *reterr)
{
    struct stat st;
    /* Opening a FIFO would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

    if (fd < 0)
        return err_set_errno(reterr, -errno, "cannot open %s", path);
    if (fstat(fd, &st) < 0)
        r = err_set_errno(reterr, -errno, "cannot look at %s", path);
    else if (!S_ISREG(st.st_mode))
        r = err_set(reterr, -EINVAL, "%s is not a file", path);
    else
        r = elf_file_look(fd, path, (uint64_t)st.st_size, reterr);
    if (r == 0)
        return fd;
    fd_close(fd);
    return r;
}
