-- The state of an incident counts its alerts: it is made anew with this version.
-- What is read of alerts is read by kind and time.
CREATE INDEX event_by_kind_at ON event (kind, at);
