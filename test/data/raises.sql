-- A helper for tests of errors: SQLSTATE, message and detail of what a statement raises, without the places that differ by version.
CREATE FUNCTION pg_temp.raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM || '.', nullif(detail, ''));
END $$;
