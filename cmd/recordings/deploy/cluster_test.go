package deploy_test

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"recordings/cmd/recordings/internal/config"
)

// exampleConfig reads the configuration of an example, whose users have no passwords yet: nobody is to run one
// with passwords that everybody knows. It returns the hosts of the cluster.
func exampleConfig(t *testing.T, text string) (hosts []string) {
	t.Helper()
	if _, err := config.Parse([]byte(text), config.Sources{}); err == nil {
		t.Error("the example has users with passwords")
	}
	const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$+H4vXYFWoXb2B34RuwJIpQ"
	c, err := config.Parse([]byte(strings.ReplaceAll(text, "HASH", hash)), config.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Index != config.IndexOpenSearch || c.Listen != "0.0.0.0:8080" || c.Data != "/var/lib/recordings" {
		t.Errorf("it listens on %s, and has %s in %s", c.Listen, c.Index, c.Data)
	}
	for _, address := range c.OpenSearch.Addresses {
		u, err := url.Parse(address)
		if err != nil || u.Port() != "9200" {
			t.Errorf("%s: %v", address, err)
		}
		hosts = append(hosts, u.Hostname())
	}
	if len(hosts) != 3 || c.OpenSearch.Replicas != 1 {
		t.Errorf("%d nodes with %d replicas do not survive the loss of one", len(hosts), c.OpenSearch.Replicas)
	}
	return hosts
}

// TestCompose: three nodes that know each other, and two services that know them.
func TestCompose(t *testing.T) {
	type service struct {
		Image       string            `yaml:"image"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Volumes     []string          `yaml:"volumes"`
		Ports       []string          `yaml:"ports"`
		Networks    []string          `yaml:"networks"`
		HealthCheck struct {
			Test []string `yaml:"test"`
		} `yaml:"healthcheck"`
	}
	var all struct {
		Services map[string]service `yaml:"services"`
		Volumes  map[string]any     `yaml:"volumes"`
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "compose/compose.yaml")), &all); err != nil {
		t.Fatal(err)
	}

	var nodes []string
	volumes, ports := map[string]bool{}, map[string]bool{}
	hosts := exampleConfig(t, readFile(t, "compose/recordings.yaml"))
	const file = "/etc/recordings/recordings.yaml"
	health := []string{"CMD", "/usr/bin/recordings", "health", "--ready", "--config"}
	for name, s := range all.Services {
		for _, v := range s.Volumes {
			from, to, _ := strings.Cut(v, ":")
			_, known := all.Volumes[from]
			if volumes[from] && known || !known && v != "./recordings.yaml:"+file+":ro" {
				t.Errorf("%s has the volume %s", name, v)
			}
			volumes[from] = true
			if data := "/var/lib/recordings"; known && strings.HasPrefix(name, "recordings-") && to != data {
				t.Errorf("%s keeps %s", name, to)
			}
		}
		if strings.HasPrefix(name, "search-") {
			nodes = append(nodes, name)
			seeds := strings.Split(s.Environment["discovery.seed_hosts"], ",")
			if s.Environment["node.name"] != name || !slices.Equal(seeds, hosts) || len(s.Ports) > 0 {
				t.Errorf("%s is %v, with ports %v", name, s.Environment, s.Ports)
			}
			continue
		}

		if len(s.Ports) != 1 || ports[s.Ports[0]] || !strings.HasPrefix(s.Ports[0], "127.0.0.1:") ||
			!slices.Equal(s.Command, []string{"serve", "--config", file}) ||
			!slices.Equal(s.HealthCheck.Test, append(health, file)) {
			t.Errorf("%s is %+v", name, s)
		}
		ports[strings.Join(s.Ports, "")] = true
	}
	if slices.Sort(nodes); !slices.Equal(nodes, hosts) || len(ports) != 2 {
		t.Errorf("the nodes are %v, the services have the ports %v and know %v", nodes, ports, hosts)
	}
}

// resource is what tests look at in a resource of Kubernetes.
type resource struct {
	Kind       string                `yaml:"kind"`
	Metadata   struct{ Name string } `yaml:"metadata"`
	StringData map[string]string     `yaml:"stringData"`
	Spec       struct {
		Replicas    int    `yaml:"replicas"`
		ServiceName string `yaml:"serviceName"`
		Template    struct {
			Spec struct {
				Containers []container `yaml:"containers"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type container struct {
	Image        string                         `yaml:"image"`
	Args         []string                       `yaml:"args"`
	Env          []struct{ Name, Value string } `yaml:"env"`
	Liveness     probe                          `yaml:"livenessProbe"`
	Readiness    probe                          `yaml:"readinessProbe"`
	VolumeMounts []struct {
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// TestKubernetes: likewise, and the probes ask what the service answers.
func TestKubernetes(t *testing.T) {
	all := map[string]resource{}
	for d := yaml.NewDecoder(strings.NewReader(readFile(t, "kubernetes.yaml"))); ; {
		var r resource
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all[r.Kind+" "+r.Metadata.Name] = r
	}

	hosts := exampleConfig(t, all["Secret recordings"].StringData["recordings.yaml"])
	nodes, services := all["StatefulSet search"], all["StatefulSet recordings"]
	if _, ok := all["Service "+nodes.Spec.ServiceName]; !ok || nodes.Spec.Replicas != 3 || services.Spec.Replicas != 2 {
		t.Errorf("%d nodes of the service %q, %d services", nodes.Spec.Replicas, nodes.Spec.ServiceName,
			services.Spec.Replicas)
	}
	for i, host := range hosts {
		if want := fmt.Sprintf("search-%d.%s", i, nodes.Spec.ServiceName); host != want {
			t.Errorf("a node is %s, want %s", host, want)
		}
	}

	node, service := nodes.Spec.Template.Spec.Containers[0], services.Spec.Template.Spec.Containers[0]
	for _, e := range node.Env {
		if e.Name == "discovery.seed_hosts" && e.Value != strings.Join(hosts, ",") {
			t.Errorf("the nodes know %s", e.Value)
		}
	}
	if service.Liveness.HTTPGet.Path != "/healthz" || service.Readiness.HTTPGet.Path != "/readyz" ||
		!slices.Equal(service.Args, []string{"serve", "--config", "/etc/recordings/recordings.yaml"}) {
		t.Errorf("the service is %+v", service)
	}
	if len(service.VolumeMounts) != 2 || service.VolumeMounts[1].MountPath != "/var/lib/recordings" {
		t.Errorf("it keeps %+v", service.VolumeMounts)
	}
}
