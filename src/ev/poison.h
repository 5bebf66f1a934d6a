/* Memory that lies ready for its next user is forbidden ground where AddressSanitizer watches. */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON 1
#endif
#endif
#ifdef POISON
#include <sanitizer/asan_interface.h>
#define poison(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#define unpoison(memory, bytes) ASAN_UNPOISON_MEMORY_REGION(memory, bytes)
#define poisoned(memory, bytes) (__asan_region_is_poisoned(memory, bytes) != NULL)
#else
#define poison(memory, bytes) ((void)0)
#define unpoison(memory, bytes) ((void)0)
#define poisoned(memory, bytes) false
#endif
