/* naming.c - names. */
#include "naming.h"

#include "../base/status.h"
#include "../json/walk.h"

#include <string.h>

PEMN_SHARED int pemn_get_name(span value, span *name, const char *where, char *error)
{
    size_t i;
    int ok = is_string(value) && value.size >= 3 && value.size <= MAX_NAME + 2;
    for (i = 1; ok && i + 1 < value.size; i++) {
        uint8_t c = value.at[i];
        int letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-';
        int inner = i > 1 && i + 2 < value.size && value.at[i - 1] != '.';
        ok = letter || (c == '.' && inner);
    }
    if (!ok)
        return pemn_fail(PEMN_BROKEN, error,
                         "%s: expected a name of 1 to 255 letters, digits, '_', '-', inner dots",
                         where);
    *name = inside(value);
    return PEMN_OK;
}

PEMN_SHARED int pemn_compare_names(span a, span b)
{
    int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

PEMN_SHARED void pemn_sort_names(const tensor *tensors, size_t *order, size_t *spare, size_t count)
{
    size_t width, i;
    for (i = 0; i < count; i++)
        order[i] = i;
    for (width = 1; width < count; width *= 2) {
        size_t start;
        for (start = 0; start < count; start += 2 * width) {
            size_t left = start, middle = count - start < width ? count : start + width;
            size_t right = middle, end = count - start < 2 * width ? count : start + 2 * width;
            for (i = start; i < end; i++) {
                int first = right == end ||
                            (left < middle && pemn_compare_names(tensors[order[left]].name,
                                                                 tensors[order[right]].name) <= 0);
                spare[i] = order[first ? left++ : right++];
            }
        }
        memcpy(order, spare, count * sizeof *order);
    }
}

PEMN_SHARED size_t pemn_find_name(const manifest *m, span name)
{
    size_t low = 0, high = m->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = pemn_compare_names(m->tensors[m->by_name[middle]].name, name);
        if (order == 0)
            return m->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return PEMN_NONE;
}
