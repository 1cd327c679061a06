/* The one function that Rust's standard library takes from bcryptprimitives.dll. Windows 10 has it, Wine 8 does not.
 * Lies in the test prefix's system32 only: never beside the interpreter, never in a build. */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(void *buffer, ULONG length); /* RtlGenRandom, advapi32 */

BOOL WINAPI ProcessPrng(unsigned char *buffer, SIZE_T length)
{
    const SIZE_T most = 0x40000000;

    while (length) {
        ULONG part = (ULONG)(length < most ? length : most);
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
