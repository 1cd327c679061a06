# Detection script of an Intune remediation, and of the Win32 app: has this sweep finished here?
# Exit 0 with a line on stdout: it has. Exit 1: it has not. Nothing is written to stderr.
# The 64-bit view is asked, whichever PowerShell runs this.
$Sweep = 'cyzfc-2026-11'

$Hive = [Microsoft.Win32.RegistryHive]::LocalMachine
$View = [Microsoft.Win32.RegistryView]::Registry64
$Base = [Microsoft.Win32.RegistryKey]::OpenBaseKey($Hive, $View)
$Key = $Base.OpenSubKey('SOFTWARE\iocsweep')
if ($null -ne $Key) {
    $Last = [string]$Key.GetValue('LastSweep', '')
    if ($Last -eq $Sweep) {
        $Verdict = [string]$Key.GetValue('Verdict', '')
        $Finished = [string]$Key.GetValue('Finished', '')
        Write-Output "$Last $Verdict $Finished"
        exit 0
    }
}
Write-Output "not swept: $Sweep"
exit 1
