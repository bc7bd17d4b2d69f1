//! SQLSTATEs: the server's names for what went wrong.
//!
//! The constants are the condition names of PostgreSQL's errcodes.txt (manual, appendix A); PL/pgSQL handlers and
//! messages use them, and nothing else in foreshot spells a code.

use std::fmt;

use super::{ObjectKey, ObjectKind};

/// A five-character SQLSTATE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SqlState(&'static str);

impl SqlState {
    /// The five characters.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// Whether it says that a thing is not there.
    pub fn says_missing(self) -> bool {
        matches!(
            self,
            Self::UNDEFINED_TABLE
                | Self::UNDEFINED_COLUMN
                | Self::UNDEFINED_OBJECT
                | Self::UNDEFINED_FUNCTION
                | Self::INVALID_SCHEMA_NAME
        )
    }

    /// Whether it says that a thing is there already.
    pub fn says_duplicate(self) -> bool {
        matches!(
            self,
            Self::DUPLICATE_TABLE
                | Self::DUPLICATE_COLUMN
                | Self::DUPLICATE_OBJECT
                | Self::DUPLICATE_SCHEMA
                | Self::DUPLICATE_FUNCTION
        )
    }

    /// PL/pgSQL's condition name (`duplicate_table`), or the code itself where foreshot has no name for it.
    pub fn condition(self) -> &'static str {
        CONDITIONS
            .iter()
            .find(|(_, state)| *state == self)
            .map_or(self.0, |(name, _)| *name)
    }

    /// The SQLSTATE of a condition name (`duplicate_table`) or of a code (`42P07`), where foreshot knows it.
    pub fn named(condition: &str) -> Option<Self> {
        let condition = condition.to_ascii_lowercase();
        CONDITIONS
            .iter()
            .find(|(name, state)| *name == condition || state.0.eq_ignore_ascii_case(&condition))
            .map(|(_, state)| *state)
    }

    /// The SQLSTATEs of a PL/pgSQL condition name; a class name (`integrity_constraint_violation`) matches its class.
    pub fn matches_condition(self, condition: &str) -> bool {
        let condition = condition.to_ascii_lowercase();
        match condition.as_str() {
            // PL/pgSQL's OTHERS matches all but these two
            "others" => self != Self::QUERY_CANCELED && self != Self::ASSERT_FAILURE,
            name => CONDITIONS.iter().any(|(known, state)| {
                *known == name
                    && (*state == self || (state.0.ends_with("000") && state.0[..2] == self.0[..2]))
            }),
        }
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

macro_rules! states {
    ($($constant:ident $code:literal $name:literal;)*) => {
        impl SqlState {
            $(
                #[doc = concat!("`", $name, "`, ", $code, ".")]
                pub const $constant: SqlState = SqlState($code);
            )*
        }
        const CONDITIONS: &[(&str, SqlState)] = &[$(($name, SqlState::$constant)),*];
    };
}

states! {
    NO_DATA_FOUND "P0002" "no_data_found";
    TOO_MANY_ROWS "P0003" "too_many_rows";
    ASSERT_FAILURE "P0004" "assert_failure";
    RAISE_EXCEPTION "P0001" "raise_exception";
    FEATURE_NOT_SUPPORTED "0A000" "feature_not_supported";
    CARDINALITY_VIOLATION "21000" "cardinality_violation";
    DATA_EXCEPTION "22000" "data_exception";
    STRING_DATA_RIGHT_TRUNCATION "22001" "string_data_right_truncation";
    NUMERIC_VALUE_OUT_OF_RANGE "22003" "numeric_value_out_of_range";
    INVALID_DATETIME_FORMAT "22007" "invalid_datetime_format";
    INVALID_PARAMETER_VALUE "22023" "invalid_parameter_value";
    DIVISION_BY_ZERO "22012" "division_by_zero";
    INVALID_TEXT_REPRESENTATION "22P02" "invalid_text_representation";
    INTEGRITY_CONSTRAINT_VIOLATION "23000" "integrity_constraint_violation";
    NOT_NULL_VIOLATION "23502" "not_null_violation";
    FOREIGN_KEY_VIOLATION "23503" "foreign_key_violation";
    UNIQUE_VIOLATION "23505" "unique_violation";
    CHECK_VIOLATION "23514" "check_violation";
    EXCLUSION_VIOLATION "23P01" "exclusion_violation";
    ACTIVE_SQL_TRANSACTION "25001" "active_sql_transaction";
    NO_ACTIVE_SQL_TRANSACTION "25P01" "no_active_sql_transaction";
    IN_FAILED_SQL_TRANSACTION "25P02" "in_failed_sql_transaction";
    DEPENDENT_OBJECTS_STILL_EXIST "2BP01" "dependent_objects_still_exist";
    INVALID_TRANSACTION_TERMINATION "2D000" "invalid_transaction_termination";
    INVALID_SAVEPOINT "3B001" "invalid_savepoint_specification";
    INVALID_CATALOG_NAME "3D000" "invalid_catalog_name";
    INVALID_SCHEMA_NAME "3F000" "invalid_schema_name";
    SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION "42000" "syntax_error_or_access_rule_violation";
    SYNTAX_ERROR "42601" "syntax_error";
    INSUFFICIENT_PRIVILEGE "42501" "insufficient_privilege";
    INVALID_NAME "42602" "invalid_name";
    NAME_TOO_LONG "42622" "name_too_long";
    RESERVED_NAME "42939" "reserved_name";
    GENERATED_ALWAYS "428C9" "generated_always";
    DUPLICATE_COLUMN "42701" "duplicate_column";
    AMBIGUOUS_COLUMN "42702" "ambiguous_column";
    UNDEFINED_COLUMN "42703" "undefined_column";
    UNDEFINED_OBJECT "42704" "undefined_object";
    DUPLICATE_OBJECT "42710" "duplicate_object";
    DUPLICATE_ALIAS "42712" "duplicate_alias";
    DUPLICATE_FUNCTION "42723" "duplicate_function";
    AMBIGUOUS_FUNCTION "42725" "ambiguous_function";
    GROUPING_ERROR "42803" "grouping_error";
    WINDOWING_ERROR "42P20" "windowing_error";
    DATATYPE_MISMATCH "42804" "datatype_mismatch";
    WRONG_OBJECT_TYPE "42809" "wrong_object_type";
    INVALID_FOREIGN_KEY "42830" "invalid_foreign_key";
    CANNOT_COERCE "42846" "cannot_coerce";
    UNDEFINED_FUNCTION "42883" "undefined_function";
    UNDEFINED_TABLE "42P01" "undefined_table";
    UNDEFINED_PARAMETER "42P02" "undefined_parameter";
    DUPLICATE_DATABASE "42P04" "duplicate_database";
    DUPLICATE_SCHEMA "42P06" "duplicate_schema";
    DUPLICATE_TABLE "42P07" "duplicate_table";
    AMBIGUOUS_PARAMETER "42P08" "ambiguous_parameter";
    INVALID_COLUMN_REFERENCE "42P10" "invalid_column_reference";
    INVALID_FUNCTION_DEFINITION "42P13" "invalid_function_definition";
    INVALID_TABLE_DEFINITION "42P16" "invalid_table_definition";
    INVALID_OBJECT_DEFINITION "42P17" "invalid_object_definition";
    INDETERMINATE_DATATYPE "42P18" "indeterminate_datatype";
    TOO_MANY_COLUMNS "54011" "too_many_columns";
    OBJECT_NOT_IN_PREREQUISITE_STATE "55000" "object_not_in_prerequisite_state";
    OBJECT_IN_USE "55006" "object_in_use";
    UNSAFE_NEW_ENUM_VALUE_USAGE "55P04" "unsafe_new_enum_value_usage";
    QUERY_CANCELED "57014" "query_canceled";
    UNDEFINED_FILE "58P01" "undefined_file";
    DUPLICATE_FILE "58P02" "duplicate_file";
    PLPGSQL_ERROR "P0000" "plpgsql_error";
    INTERNAL_ERROR "XX000" "internal_error";
}

/// The server's refusal of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// Its SQLSTATE.
    pub sqlstate: SqlState,
    /// Its message, as the server words it.
    pub message: String,
    /// The object that is already there, missing or in the way, where there is one.
    pub object: Option<ObjectKey>,
}

impl ServerError {
    /// An error that concerns no single object.
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self {
            sqlstate,
            message: message.into(),
            object: None,
        }
    }

    /// Whether it says that a thing is missing which something else could make. An operator between two types is none: that they
    /// don't go together is no matter of what is there.
    pub fn misses_object(&self) -> bool {
        let kind = self.object.as_ref().map(|key| key.kind);
        self.sqlstate.says_missing()
            && (self.sqlstate != SqlState::UNDEFINED_FUNCTION || kind == Some(ObjectKind::Function))
    }

    /// The same error, naming the object that it is about.
    #[must_use]
    pub fn about(mut self, object: ObjectKey) -> Self {
        self.object = Some(object);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_match_as_plpgsql_does() {
        assert!(SqlState::DUPLICATE_TABLE.matches_condition("duplicate_table"));
        assert!(!SqlState::DUPLICATE_TABLE.matches_condition("duplicate_object"));
        assert!(SqlState::UNIQUE_VIOLATION.matches_condition("INTEGRITY_CONSTRAINT_VIOLATION"));
        assert!(SqlState::UNIQUE_VIOLATION.matches_condition("others"));
        assert_eq!(SqlState::UNDEFINED_TABLE.condition(), "undefined_table");
    }
}
