/* A stand-in for a renamed rundll32: Wine's own has no version resource, this one says RUNDLL32.EXE.
 * Called as rundll32 is: loader.exe DLL,EXPORT. */
#include <windows.h>

int wmain(int count, wchar_t **arguments)
{
    wchar_t *comma;
    char name[64] = {0};
    void (*call)(void);

    if (count != 2 || !(comma = wcsrchr(arguments[1], L',')))
        return 2;
    *comma = 0;
    WideCharToMultiByte(CP_UTF8, 0, comma + 1, -1, name, sizeof(name) - 1, NULL, NULL);
    call = (void (*)(void))GetProcAddress(LoadLibraryW(arguments[1]), name);
    if (!call)
        return 3;
    call();
    return 0;
}
