-- Action items change, and an incident knows how far its post-mortem has come:
-- nothing changes but the cached states, which are made anew with every migration.
SELECT 1;
