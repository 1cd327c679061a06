/* A harmless look-alike: loaded by rundll32 in the same way under another export's name, so that tests can tell a
 * finding by export from one by habit. It only sleeps. */
#include <windows.h>

void CALLBACK DLLMain(HWND window, HINSTANCE instance, LPSTR line, int show)
{
    (void)window, (void)instance, (void)line, (void)show;
    Sleep(10 * 60 * 1000);
}
