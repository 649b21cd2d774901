/*
 * base_test.h - cmocka and what it needs, for the tests of this folder.
 */
#ifndef REEVE_TESTS_BASE_TEST_H
#define REEVE_TESTS_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
