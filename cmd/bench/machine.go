package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// machine describes what this runs on.
func machine() string {
	var info syscall.Sysinfo_t
	memory := "memory unknown"
	if syscall.Sysinfo(&info) == nil {
		memory = fmt.Sprintf("%.0f GiB of memory", float64(info.Totalram)*float64(info.Unit)/(1<<30))
	}
	return fmt.Sprintf("%s, %d processors, %s; %s, Linux %s; %s", valueIn("/proc/cpuinfo", "model name", ":"),
		runtime.NumCPU(), memory,
		valueIn("/etc/os-release", "PRETTY_NAME", "="), kernel(), runtime.Version())
}

// valueIn returns the first value of a name in a file of names and values.
func valueIn(path, name, separator string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}

	for line := range strings.Lines(string(data)) {
		if n, value, ok := strings.Cut(line, separator); ok && strings.TrimSpace(n) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return "unknown"
}

func kernel() string {
	data, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(data))
}
