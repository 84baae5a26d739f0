// A few subcommands of crictl over the runtime's socket: what kind asks for (inspecti), and what one looks around with.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	socket = "unix:///run/containerd/containerd.sock"
	usage  = "usage: crictl images | inspecti IMAGE | ps | pods"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	if len(words) == 0 {
		return errors.New(usage)
	}
	connection, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	images, runtime := cri.NewImageServiceClient(connection), cri.NewRuntimeServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch words[0] {
	case "inspecti":
		name := words[len(words)-1] // before it stand options, of which kind gives --output json
		found, err := images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
		if err != nil {
			return err
		}
		if found.Image == nil {
			return fmt.Errorf("no such image %q", name)
		}
		status := map[string]any{"id": found.Image.Id, "repoTags": found.Image.RepoTags, "repoDigests": found.Image.RepoDigests}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"status": status})
	case "images":
		found, err := images.ListImages(ctx, &cri.ListImagesRequest{})
		if err != nil {
			return err
		}
		for _, image := range found.Images {
			fmt.Println(image.Id, image.Size, image.RepoTags)
		}
	case "ps":
		found, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{})
		if err != nil {
			return err
		}
		for _, c := range found.Containers {
			fmt.Println(c.Id, c.State, c.Labels["io.kubernetes.pod.name"], c.Metadata.Name)
		}
	case "pods":
		found, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
		if err != nil {
			return err
		}
		for _, pod := range found.Items {
			fmt.Println(pod.Id, pod.State, pod.Metadata.Namespace, pod.Metadata.Name)
		}
	default:
		return errors.New(usage)
	}
	return nil
}
