package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// nginx is the demo's own web server, whose logs the agent ships. Visitors
// keep it busy.
type nginx struct {
	program, dir, address string
	upstream              string // of a sample instance
}

const nginxConfig = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
events { worker_connections 64; }
http {
  log_format demo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time';
  access_log %[1]s/access.log demo;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server {
    listen %[2]s;
    server_name borealis.example;
    root %[1]s/www;
    location /shop/ { proxy_pass http://%[3]s/; proxy_connect_timeout 1s; proxy_read_timeout 2s; }
    location /admin/ { return 403; }
  }
}
`

// openNginx prepares the web server; nil where this machine has no nginx.
func (d *demo) openNginx(ctx context.Context) (*nginx, error) {
	program, lookErr := exec.LookPath("nginx")
	if lookErr != nil { // no mistake: the demo does without
		d.Log.Info("this machine has no nginx, so that the demo has no web server of its own")
		return nil, nil //nolint:nilerr // as said above
	}
	address, err := d.ports.address(ctx, "nginx")
	if err != nil {
		return nil, err
	}
	n := &nginx{program: program, dir: d.path("nginx"), address: address}
	if len(d.samples) > 0 {
		n.upstream = d.samples[0].address
	} else {
		n.upstream = address
	}
	if err := os.MkdirAll(filepath.Join(n.dir, "www"), 0o755); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"nginx.conf": fmt.Sprintf(nginxConfig, n.dir, n.address, n.upstream), "www/index.html": "<!doctype html><title>Borealis</title><p>The demo's web server.\n", "www/app.js": "// nothing\n",
	} {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// run serves until ctx is done.
func (n *nginx) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, n.program, "-p", n.dir, "-e", filepath.Join(n.dir, "error.log"), "-c", filepath.Join(n.dir, "nginx.conf"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a demo that is killed leaves none behind
	done := make(chan struct{})
	visits, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		n.visit(visits)
	}()
	err := cmd.Run()
	cancel()
	<-done
	if ctx.Err() == nil {
		return fmt.Errorf("nginx ended, its error.log is in %s: %w", n.dir, errOrEnd(err))
	}
	return nil //nolint:nilerr // it was told to end
}

// visit is people and programs that look at the site: more or less of them from
// minute to minute.
func (n *nginx) visit(ctx context.Context) {
	agents := []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15", "curl/8.5.0", "Googlebot/2.1 (+http://www.google.com/bot.html)",
	}
	paths := []string{"/", "/", "/", "/app.js", "/shop/", "/shop/status", "/shop/status", "/shop/items/%d", "/favicon.ico", "/admin/", "/wp-login.php"}
	client := &http.Client{Timeout: 3 * time.Second}
	for ctx.Err() == nil {
		path := paths[rand.IntN(len(paths))]
		if path == "/shop/items/%d" {
			path = fmt.Sprintf(path, rand.IntN(200))
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.address+path, nil)
		if err != nil {
			return
		}
		req.Header.Set("User-Agent", agents[rand.IntN(len(agents))])
		if res, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body) // what it says is in its log
			_ = res.Body.Close()
		}
		pause := time.Duration(50+rand.IntN(100)*(1+time.Now().Minute()%4)) * time.Millisecond
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// errEnded is a program that ended by itself without a mistake.
var errEnded = errors.New("it ended by itself")

func errOrEnd(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}
