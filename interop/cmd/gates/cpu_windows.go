package main

import (
	"os"
	"syscall"
	"time"
)

// cpuTime returns the CPU time that the process has used, in all its threads, user's and kernel's.
// Its unit is 100 nanoseconds, but Windows adds to it at clock ticks only, of about 16 ms:
// batches have to be longer there.
func cpuTime() (time.Duration, error) {
	var created, exited, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err == nil {
		err = syscall.GetProcessTimes(self, &created, &exited, &kernel, &user)
	}
	if err != nil {
		return 0, os.NewSyscallError("GetProcessTimes", err)
	}
	return ticks(kernel) + ticks(user), nil
}

func ticks(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}
