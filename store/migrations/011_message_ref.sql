-- What a sink calls a message leads back to the incident that it is about.
CREATE INDEX message_by_ref ON message (ref) WHERE ref <> '';
