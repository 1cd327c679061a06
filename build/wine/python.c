/* python.exe of the lab: python.org's own launcher is not on PyPI, its pythonXY.dll is. Finds the DLL beside
 * itself and hands it the command line. RUNTIME is set on the compiler's command line, e.g. python311.dll. */
#include <windows.h>
#include <stdio.h>

#define WIDE_(s) L##s
#define WIDE(s) WIDE_(s)

int wmain(int argc, wchar_t **argv)
{
    HMODULE runtime = LoadLibraryW(WIDE(RUNTIME));
    int (*py_main)(int, wchar_t **);

    if (!runtime) {
        fprintf(stderr, "python.exe: cannot load " RUNTIME ": error %lu\n", GetLastError());
        return 3;
    }
    py_main = (int (*)(int, wchar_t **))(void *)GetProcAddress(runtime, "Py_Main");
    return py_main ? py_main(argc, argv) : 3;
}
