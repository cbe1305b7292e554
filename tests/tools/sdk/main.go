// Command sdk sends one request by OpenFaaS's Go SDK, the library inside faas-cli since 2023.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/openfaas/faas-provider/types"
	sdk "github.com/openfaas/go-sdk"
)

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: sdk GATEWAY COMMAND NAME"))
	}
	gateway, err := url.Parse(os.Args[1])
	if err != nil {
		fail(err)
	}
	client := sdk.NewClient(gateway, nil, http.DefaultClient)
	if err := run(client, os.Args[2], os.Args[3]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(client *sdk.Client, command string, name string) error {
	ctx := context.Background()
	var err error
	switch command {
	case "deploy":
		_, err = client.Deploy(ctx, types.FunctionDeployment{Service: name, Image: name})
	case "update":
		_, err = client.Update(ctx, types.FunctionDeployment{Service: name, Image: name})
	case "remove":
		err = client.DeleteFunction(ctx, name, sdk.DefaultNamespace)
	case "scale":
		err = client.ScaleFunction(ctx, name, sdk.DefaultNamespace, 2)
	case "namespace-create":
		_, err = client.CreateNamespace(ctx, types.FunctionNamespace{Name: name})
	case "secret-list":
		_, err = client.GetSecrets(ctx, name)
	case "secret-create":
		_, err = client.CreateSecret(ctx, types.Secret{Name: name, Value: "value"})
	case "secret-update":
		_, err = client.UpdateSecret(ctx, types.Secret{Name: name, Value: "value"})
	case "secret-remove":
		err = client.DeleteSecret(ctx, name, sdk.DefaultNamespace)
	case "list":
		functions, failed := client.GetFunctions(ctx, name)
		for _, function := range functions {
			fmt.Println(function.Name, function.AvailableReplicas)
		}
		err = failed
	case "describe":
		function, failed := client.GetFunction(ctx, name, sdk.DefaultNamespace)
		fmt.Println(function.Name, function.AvailableReplicas)
		err = failed
	case "version":
		info, failed := client.GetInfo(ctx)
		fmt.Println(info.Provider.Provider, info.Provider.Orchestration)
		err = failed
	case "namespaces":
		namespaces, failed := client.GetNamespaces(ctx)
		fmt.Println(namespaces)
		err = failed
	case "logs":
		messages, failed := client.GetLogs(ctx, name, sdk.DefaultNamespace, false, 1, nil)
		if failed == nil {
			for message := range messages {
				fmt.Println(message.Name, message.Text)
			}
		}
		err = failed
	case "invoke", "invoke-async":
		err = invoke(client, name, command == "invoke-async")
	default:
		err = fmt.Errorf("no such command: %s", command)
	}
	return err
}

func invoke(client *sdk.Client, name string, async bool) error {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", os.Getenv("AUTHORIZATION"))
	response, err := client.InvokeFunction(name, "", async, false, request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%d - %s", response.StatusCode, answer)
	}
	_, err = os.Stdout.Write(answer)
	return err
}
