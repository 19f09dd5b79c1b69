package metricsagent

import (
	"encoding/json"
	"io/fs"
	"time"
)

// killed is the exit status of a process that was killed by SIGKILL.
const killed = 128 + 9

// deathByMemory names the last time that memory ran out for the main process of
// a container, as the files of its engine tell; "" if they do not.
func deathByMemory(root fs.FS, c container) string {
	switch c.runtime {
	case "docker":
		return dockerDeath(readSmall(root, "var/lib/docker/containers/"+c.id+"/config.v2.json"))
	case "podman":
		// Its monitor leaves an empty file, which the next start takes away.
		info, err := fs.Stat(root, "var/lib/containers/storage/overlay-containers/"+c.id+"/userdata/oom")
		if err != nil {
			return ""
		}
		return info.ModTime().UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// dockerDeath reads it from docker's configuration of a container. Docker notes
// there, too, that another process ran out of memory: what ended otherwise than
// by a kill did not die of it. Of one that runs again, the status is gone.
func dockerDeath(b []byte) string {
	var v struct {
		State struct {
			OOMKilled, Running, Restarting bool
			ExitCode                       int
			FinishedAt                     string
		}
	}
	if json.Unmarshal(b, &v) != nil || !v.State.OOMKilled {
		return ""
	}
	runs := v.State.Running && !v.State.Restarting
	if !runs && v.State.ExitCode != killed {
		return ""
	}
	return v.State.FinishedAt
}
