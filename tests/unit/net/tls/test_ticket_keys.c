/* Keys of session tickets: how long they are found, and that readers cannot change them. */
#include "unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/tls/ticket_keys.h"

static void
test_ticket_keys_are_found_until_others_take_their_place(void **state)
{
    struct ticket_keys keys;
    struct ticket_key first, key;
    const struct ticket_page *page;
    uint64_t now = 1;
    bool present;

    (void)state;
    assert_int_equal(ticket_keys_new(&keys, now, NULL), 0);
    assert_int_equal(ticket_page_map(keys.fd, &page, NULL), 0);
    ticket_page_present(page, &first);
    assert_true(ticket_page_find(page, first.name, &key, &present) && present);
    assert_memory_equal(&key, &first, sizeof(key));
    assert_int_equal(ticket_keys_rotate(&keys, now + TICKET_KEY_AGE_NS - 1), 0);
    ticket_page_present(page, &key);
    assert_memory_equal(&key, &first, sizeof(key));
    for (int i = 1; i < TICKET_KEYS_KEPT; i++) {
        now += TICKET_KEY_AGE_NS;
        assert_int_equal(ticket_keys_rotate(&keys, now), 0);
        ticket_page_present(page, &key);
        assert_memory_not_equal(&key, &first, sizeof(key));
        assert_true(ticket_page_find(page, first.name, &key, &present) && !present);
        assert_memory_equal(&key, &first, sizeof(key));
    }
    assert_int_equal(ticket_keys_rotate(&keys, now + TICKET_KEY_AGE_NS), 0);
    assert_false(ticket_page_find(page, first.name, &key, &present));
    ticket_page_unmap(page);
    ticket_keys_fini(&keys);
}

static void
test_ticket_keys_that_were_never_made_are_not_found(void **state)
{
    static const unsigned char none[16];
    struct ticket_keys keys;
    struct ticket_key key;
    bool present;

    (void)state;
    assert_int_equal(ticket_keys_new(&keys, 1, NULL), 0);
    assert_false(ticket_page_find(keys.page, none, &key, &present));
    ticket_keys_fini(&keys);
}

static void
test_ticket_keys_cannot_be_changed_by_readers(void **state)
{
    struct ticket_keys keys;

    (void)state;
    assert_int_equal(ticket_keys_new(&keys, 1, NULL), 0);
    assert_int_equal(pwrite(keys.fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, keys.fd, 0), MAP_FAILED);
    assert_int_equal(ftruncate(keys.fd, 0), -1);
    ticket_keys_fini(&keys);
}

static void
test_ticket_page_of_another_version_is_refused(void **state)
{
    const struct ticket_page *page;
    struct err err = {0};
    int fd = memfd_create("other", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(ftruncate(fd, 16), 0);
    assert_int_equal(ticket_page_map(fd, &page, &err), -EPROTO);
    assert_int_equal(ftruncate(fd, 65536), 0);
    assert_int_equal(ticket_page_map(fd, &page, &err), -EPROTO);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticket_keys_are_found_until_others_take_their_place),
        cmocka_unit_test(test_ticket_keys_that_were_never_made_are_not_found),
        cmocka_unit_test(test_ticket_keys_cannot_be_changed_by_readers),
        cmocka_unit_test(test_ticket_page_of_another_version_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
