/* A harmless DLL with the one export that hunting queries look for. rundll32 loads it and calls the export, which only
 * sleeps: long enough to be swept, short enough not to outlive a forgotten test by much. */
#include <windows.h>

void CALLBACK PointFunctionCall(HWND window, HINSTANCE instance, LPSTR line, int show)
{
    (void)window, (void)instance, (void)line, (void)show;
    Sleep(10 * 60 * 1000);
}
