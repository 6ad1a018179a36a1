package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// examineManager asks every Alertmanager of the configuration what it is.
func (a *app) examineManager(ctx context.Context) []finding {
	m, err := a.alertmanager(ctx)
	if err != nil {
		return []finding{check("alertmanager", "", err)}
	}
	if m == nil {
		return nil
	}
	defer m.CloseIdle()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var found []finding
	for _, member := range m.Members(ctx) {
		fine := strings.TrimSpace(member.URL + " " + member.Version)
		switch {
		case member.Cluster == "disabled":
			fine += ", alone"
		case member.Peers > 0:
			fine += fmt.Sprintf(", one of %d, cluster %s", member.Peers, member.Cluster)
		}
		found = append(found, check("alertmanager", sanitise(fine), member.Err))
	}
	return found
}

// examineWebhook says whether notifications can be taken in where the configuration
// says: a sitrep listens there, or could.
func (c *config) examineWebhook(ctx context.Context) []finding {
	hook := c.Manager.Webhook
	if hook.Listen == "" {
		return nil
	}
	const what = "alertmanager.webhook"
	token := "with a token"
	if hook.Token == "" {
		token = "without a token: whoever is on this host may tell of alerts"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", hook.Listen)
	switch {
	case err == nil:
		_ = listener.Close()
		return []finding{check(what, hook.Listen+" is free: a screen or daemon will listen there, "+token, nil)}
	case errors.Is(err, syscall.EADDRINUSE) && webhookListener{address: hook.Listen}.another(ctx):
		return []finding{check(what, "a sitrep listens at "+hook.Listen+", "+token, nil)}
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%s is taken by another program: alerts cannot be taken in; choose another port in alertmanager.webhook.listen", hook.Listen)
	case errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("this user may not listen at %s; choose a port above 1023 in alertmanager.webhook.listen [%w]", hook.Listen, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("%s is no address of this host: set alertmanager.webhook.listen to one, such as 127.0.0.1:9095", hook.Listen)
	}
	return []finding{check(what, "", err)}
}
