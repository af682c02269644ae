package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"recordings/api/auth"
	"recordings/cmd/bench/corpus"
)

// Service is the program itself, in a process of its own. It serves the data directory that [Ours] has loaded.
type Service struct {
	*Client
	data  string
	cmd   *exec.Cmd
	files string // its configuration, and what it says
	said  *os.File
}

// StartService starts the program with the settings that it has by itself. It returns when the program listens,
// which is before it answers searches.
func StartService(ctx context.Context, program string, o Options) (*Service, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	files, err := os.MkdirTemp("", "service-")
	if err != nil {
		return nil, err
	}

	s := &Service{Client: newClient(address, o.Cap), data: o.Dir, files: files}
	config := s.files + "/recordings.yaml"
	err = o.writeConfiguration(config, address)
	if err == nil {
		s.said, err = os.Create(s.files + "/said")
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.files))
	}

	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, "serve", "--config", config)
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the service: %w", err), s.said.Close(), os.RemoveAll(s.files))
	}
	if err := waitListening(ctx, address); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// freeAddress is an address of this machine that nobody listens at.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// writeConfiguration writes the configuration of a service whose users are those of a [Client].
func (o *Options) writeConfiguration(path, address string) error {
	type user struct {
		Name           string    `json:"name"`
		PasswordHash   string    `json:"password_hash"`
		Role           auth.Role `json:"role"`
		ContactCenters []string  `json:"contact_centers,omitempty"`
		AccessGroups   []string  `json:"access_groups,omitempty"`
	}
	of, err := usersOf(o.ContactCenters)
	if err != nil {
		return err
	}
	var users []user
	for _, u := range of {
		users = append(users, user{u.Name, u.PasswordHash, u.Role, u.ContactCenters, u.AccessGroups})
	}

	// JSON is YAML, too.
	data, err := json.Marshal(map[string]any{
		"region": o.Region, "listen": address, "data": o.Dir, "log_level": "warn", "users": users,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// waitListening waits until somebody listens at an address.
func waitListening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for the service: %w", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// Load implements [Engine]: what is served was loaded before.
func (s *Service) Load(context.Context, iter.Seq[corpus.Call]) error { return nil }

// Facts implements [Engine].
func (s *Service) Facts(context.Context) (Facts, error) {
	size, err := dirSize(s.data)
	return Facts{DiskBytes: size, Process: s.cmd.Process.Pid}, err
}

// Close stops the service. Where that does not go well, the error has what it said.
func (s *Service) Close() error {
	s.client.CloseIdleConnections()
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if ended := s.cmd.Wait(); ended != nil {
		said, unread := os.ReadFile(s.said.Name())
		err = errors.Join(err, fmt.Errorf("the service ended: %w: %s", ended, said), unread)
	}
	return errors.Join(err, s.said.Close(), os.RemoveAll(s.files))
}
